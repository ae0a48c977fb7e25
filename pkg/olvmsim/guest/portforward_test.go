package guest

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// forwardPort opens a connection to a pod as Cluster API does: WebSocket first, then SPDY.
func forwardPort(t *testing.T, s *site, pod string) net.Conn {
	t.Helper()
	config := s.restConfig(t)
	url := s.client(t).CoreV1().RESTClient().Post().Resource("pods").Namespace(kubeSystem).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(config)
	require.NoError(t, err)
	overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialer(url, config)
	require.NoError(t, err)
	conn, _, err := portforward.NewFallbackDialer(overWebSocket, overSPDY, httpstream.IsUpgradeFailure).Dial(portforward.PortForwardProtocolV1Name)
	require.NoError(t, err)
	headers := http.Header{}
	headers.Set(corev1.PortHeader, "2379")
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	_, err = conn.CreateStream(headers)
	require.NoError(t, err)
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	require.NoError(t, err)
	return streamConn{data, conn}
}

// streamConn is a forwarded port as a connection.
type streamConn struct {
	io.ReadWriter
	conn io.Closer
}

func (c streamConn) Close() error                     { return c.conn.Close() }
func (c streamConn) LocalAddr() net.Addr              { return nil }
func (c streamConn) RemoteAddr() net.Addr             { return nil }
func (c streamConn) SetDeadline(time.Time) error      { return nil }
func (c streamConn) SetReadDeadline(time.Time) error  { return nil }
func (c streamConn) SetWriteDeadline(time.Time) error { return nil }

// The whole way of Cluster API to an etcd member: port-forward, TLS by the pod's name, gRPC.
func TestEtcdAnswersThroughTheForwardedPort(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	s.createToken(t)
	powerOn(t, g, "cp-1", s.controlPlaneDoc("cp-1", "10.0.0.11").json(t)).shows(t, "registered control plane node cp-1")
	cert, key := s.etcd.clientPEM(t)
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	config := &tls.Config{ServerName: "etcd-cp-0", RootCAs: s.etcd.pool, Certificates: []tls.Certificate{pair}}
	dial := func(context.Context, string) (net.Conn, error) { return forwardPort(t, s, "etcd-cp-0"), nil }
	etcd, err := clientv3.New(clientv3.Config{
		Endpoints: []string{"etcd-cp-0"}, TLS: config, DialTimeout: time.Minute, DialOptions: []grpc.DialOption{grpc.WithContextDialer(dial)},
	})
	require.NoError(t, err)
	defer func() { _ = etcd.Close() }()
	list, err := etcd.MemberList(t.Context())
	require.NoError(t, err)
	ids := map[string]uint64{}
	for _, m := range list.Members {
		ids[m.Name] = m.ID
	}
	require.Len(t, ids, 2)
	_, err = etcd.MoveLeader(t.Context(), ids["cp-1"])
	require.NoError(t, err)
	status, err := etcd.Status(t.Context(), "etcd-cp-0")
	require.NoError(t, err)
	require.Equal(t, ids["cp-1"], status.Leader)
	_, err = etcd.MemberRemove(t.Context(), ids["cp-1"])
	require.NoError(t, err)
	g.Stop("cp-1")
	require.Equal(t, []string{"etcd-cp-0"}, leaders(t, s), "the remaining member leads")
}

// A forwarded port is a connection that http.Server no longer knows; it must not outlive the endpoint.
func TestStopClosesForwardedPorts(t *testing.T) {
	s, g := newSite(t), newGuests(t)
	newClusterAt(t, g, s, "cp-0")
	conn := forwardPort(t, s, "etcd-cp-0")
	g.Stop("cp-0")
	_, err := io.ReadAll(conn)
	require.NoError(t, err, "the stream ends")
	requireClosed(t, s.endpoint)
}
