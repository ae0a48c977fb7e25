package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilsets "k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	inmemoryapi "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/api"
	inmemoryetcd "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/etcd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// clusterHandler answers the HTTP requests of one cluster: etcd's gRPC under an etcd server name, else the API.
type clusterHandler struct {
	*cluster
	etcd        http.Handler
	portForward http.Handler
	requestInfo *request.RequestInfoFactory
	deletions   *deletions
}

func newClusterHandler(c *cluster) *clusterHandler {
	// The in-memory handlers choose the store by what the client says (Host header, local address): always ours.
	resolve := func(string) (string, error) { return c.group, nil }
	return &clusterHandler{
		cluster: c, etcd: inmemoryetcd.NewEtcdServerHandler(c.platform.manager, logr.Discard(), resolve),
		portForward: inmemoryapi.NewAPIServerHandler(c.platform.manager, logr.Discard(), resolve),
		requestInfo: &request.RequestInfoFactory{APIPrefixes: utilsets.NewString("api", "apis"), GrouplessAPIPrefixes: utilsets.NewString("api")},
		deletions:   newDeletions(c.platform.manager.GetCache(), c.group),
	}
}

func (h *clusterHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Not by content type: only the server name made the handshake ask for a certificate of the etcd CA.
	if strings.HasPrefix(r.TLS.ServerName, "etcd-") {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			h.etcd.ServeHTTP(w, r)
			return
		}
		http.Error(w, "etcd speaks gRPC only", http.StatusHTTPVersionNotSupported)
		return
	}
	switch r.URL.Path {
	case "/livez", "/readyz", "/healthz":
		_, _ = w.Write([]byte("ok"))
		return
	case "/version":
		h.version(w, r)
		return
	}
	if len(r.TLS.VerifiedChains) == 0 {
		writeError(w, apierrors.NewUnauthorized("Unauthorized"))
		return
	}
	info, err := h.requestInfo.NewRequestInfo(r)
	switch {
	case err != nil:
		writeError(w, apierrors.NewBadRequest(err.Error()))
	case !info.IsResourceRequest:
		h.discovery(w, r)
	case info.Resource == "pods" && info.Subresource == "portforward":
		h.forwardPort(w, r)
	default:
		h.resource(w, r, info)
	}
}

// forwardPort leads every port of every pod back to this endpoint, where the TLS server name decides.
func (h *clusterHandler) forwardPort(w http.ResponseWriter, r *http.Request) {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		writeError(w, apierrors.NewBadRequest("port-forward is served over SPDY only"))
		return
	}
	r.Host = h.endpoint // the handler dials what the Host header says, which is the client's choice
	h.portForward.ServeHTTP(w, r)
}

func (h *clusterHandler) resource(w http.ResponseWriter, r *http.Request, info *request.RequestInfo) {
	gvr := schema.GroupVersionResource{Group: info.APIGroup, Version: info.APIVersion, Resource: info.Resource}
	k, ok := h.kind(r.Context(), gvr)
	if !ok {
		writeError(w, notFound("the server could not find the requested resource"))
		return
	}
	c := &call{clusterHandler: h, r: r, info: info, kind: k, view: chooseView(r, k)}
	if info.Verb == "watch" {
		c.watch(w)
		return
	}
	code, body, err := c.do(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, code, c.view(body))
}

func (h *clusterHandler) version(w http.ResponseWriter, r *http.Request) {
	config, err := h.configuration(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(config.KubernetesVersion, "v"), ".")
	minor, _, _ := strings.Cut(rest, ".")
	writeJSON(w, http.StatusOK, map[string]string{
		"major": major, "minor": minor, "gitVersion": config.KubernetesVersion, "platform": "linux/amd64",
	})
}

// collectPods is the pod garbage collector: the pods of a deleted node go.
func (h *clusterHandler) collectPods(ctx context.Context, node string) error {
	pods := &corev1.PodList{}
	if err := h.store.List(ctx, pods); err != nil {
		return err
	}
	for i := range pods.Items {
		if pods.Items[i].Spec.NodeName != node {
			continue
		}
		if err := h.store.Delete(ctx, &pods.Items[i]); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// notFound is for paths; an object that is not there has apierrors.NewNotFound.
func notFound(message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: message,
	}}
}

// writeError writes a Status; errors of other kinds are internal ones.
func writeError(w http.ResponseWriter, err error) {
	var known apierrors.APIStatus
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	status := known.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	writeJSON(w, int(status.Code), &status)
}

func writeJSON(w http.ResponseWriter, code int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		http.Error(w, fmt.Sprintf("encode response: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(b)
}
