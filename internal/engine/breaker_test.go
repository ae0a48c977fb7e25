package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ocne-project/ocne/pkg/olvmsim"
	"github.com/ocne-project/ocne/pkg/ovirt"
)

// say is one answer of an engine, or its silence.
type say struct {
	operation string
	status    int
	kind      ovirt.Kind // empty for a success
}

func (s say) call() ovirt.Call {
	c := ovirt.Call{Operation: s.operation, Status: s.status}
	if s.kind != "" {
		c.Err = &ovirt.Error{Kind: s.kind, Status: s.status}
	}
	return c
}

func TestWhatTakesAnEngineForDown(t *testing.T) {
	silent, good := say{"vms.list", 0, ovirt.Unavailable}, say{"vms.list", 200, ""}
	for name, tc := range map[string]struct {
		says []say
		down bool
	}{
		"three requests in a row without an answer": {[]say{silent, silent, silent}, true},
		"two of them":                                     {[]say{silent, silent}, false},
		"an answer in between":                            {[]say{silent, silent, good, silent, silent}, false},
		"a refusal is an answer":                          {[]say{silent, silent, {"vms.add", 409, ovirt.Conflict}, silent}, false},
		"something else than an engine":                   {[]say{{"sso.token", 302, ovirt.NotEngine}, silent, silent}, true},
		"one refused login, which must not lock accounts": {[]say{{"sso.token", 400, ovirt.Auth}}, true},
		"a token that has expired": {
			[]say{{"vms.list", 401, ovirt.Auth}, {"vms.list", 401, ovirt.Auth}, {"vms.list", 401, ovirt.Auth}}, false,
		},
		"callers that gave up": {
			[]say{{"vms.list", 0, ovirt.Unknown}, {"vms.list", 0, ovirt.Unknown}, {"vms.list", 0, ovirt.Unknown}, {"vms.list", 0, ovirt.Unknown}}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			turned := 0
			b := newBreaker(time.Minute, func() { turned++ })
			for _, s := range tc.says {
				b.observe(s.call(), time.Now())
			}
			require.Equal(t, tc.down, b.isDown() != nil)
			require.Equal(t, tc.down, turned == 1, "told once")
		})
	}
}

func TestAnEngineThatIsDownIsAskedByOneRequestAtATime(t *testing.T) {
	turned := 0
	b := newBreaker(time.Minute, func() { turned++ })
	start := time.Now()
	failure := say{"vms.list", 503, ovirt.Unavailable}.call()
	for i := range 3 {
		require.NoError(t, b.refuse(start))
		b.observe(failure, start.Add(time.Duration(i)*time.Second))
	}
	err := b.refuse(start.Add(10 * time.Second))
	var down *DownError
	require.ErrorAs(t, err, &down)
	require.Equal(t, start, down.Since, "the first of the failures")
	require.Equal(t, ovirt.Unavailable, ovirt.KindOf(err), "callers see the kind of the last failure")

	probe := start.Add(2 * time.Minute)
	require.NoError(t, b.refuse(probe), "one finds out")
	require.Error(t, b.refuse(probe), "the others wait")
	b.observe(failure, probe)
	require.Error(t, b.refuse(probe.Add(59*time.Second)))
	require.Equal(t, err.Error(), b.isDown().Error(), "the words do not change with the clock")

	back := probe.Add(time.Minute)
	require.NoError(t, b.refuse(back))
	b.observe(say{"vms.list", 200, ""}.call(), back)
	require.NoError(t, b.isDown())
	require.Equal(t, 2, turned, "down, and back")
	require.Equal(t, gentleRate, b.limit.Limit(), "an engine that has come back is spared")
	require.NoError(t, b.refuse(back.Add(2*time.Minute)))
	require.Equal(t, usualRate, b.limit.Limit())
}

func TestAnEngineThatHasForgottenTheSessionIsLoggedInToAtOnce(t *testing.T) {
	b := newBreaker(time.Minute, func() {})
	start := time.Now()
	for range 3 {
		b.observe(say{"vms.list", 0, ovirt.Unavailable}.call(), start)
	}
	back := start.Add(2 * time.Minute)
	require.NoError(t, b.refuse(back))
	b.observe(say{"vms.list", 401, ovirt.Auth}.call(), back)
	require.NoError(t, b.refuse(back), "the login belongs to the same probe")
	b.observe(say{signOn, 200, ""}.call(), back)
	require.NoError(t, b.isDown())
}

func TestMachinesShareTheSilenceOfAnEngine(t *testing.T) {
	sim, engines, account := simulated(t)
	told := make(chan string, 10)
	engines.Turned = func(_ context.Context, url string) { told <- url }
	e, err := engines.For(account)
	require.NoError(t, err)
	_, err = e.Snapshot(context.Background(), time.Now())
	require.NoError(t, err)
	_, err = sim.Inject(olvmsim.Fault{Effect: olvmsim.Effect{Kind: olvmsim.EngineRestart, Delay: olvmsim.Duration(time.Hour), Refuse: true}})
	require.NoError(t, err)
	var last error
	for range 10 {
		_, last = e.client.VM(context.Background(), "00000000-0000-0000-0000-000000000001")
		require.Error(t, last)
	}
	require.ErrorAs(t, last, new(*DownError))
	require.Error(t, e.Down())

	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- engines.Start(ctx) }()
	require.Equal(t, account.URL, <-told)
	stop()
	require.NoError(t, <-ended)
}

func TestReplacedCredentialsThatTheEngineRefusesAreNotKept(t *testing.T) {
	_, engines, account := simulated(t)
	old := account
	old.Password = "of yesterday"
	e, err := engines.For(old)
	require.NoError(t, err)
	_, err = e.Snapshot(context.Background(), time.Now())
	require.Equal(t, ovirt.Auth, ovirt.KindOf(err))
	require.Error(t, e.Down(), "one refusal is enough: engines lock accounts")
	_, err = engines.For(account)
	require.NoError(t, err)
	kept := 0
	engines.Each(func(*Engine) { kept++ })
	require.Equal(t, 1, kept)
}

func TestWhatIsRememberedIsAskedAgainInTime(t *testing.T) {
	var m memo[string, int]
	asked := 0
	ask := func() (int, error) { asked++; return asked, nil }
	first, _ := m.get("a", time.Hour, ask)
	again, _ := m.get("a", time.Hour, ask)
	require.Equal(t, first, again)
	old, _ := m.get("a", 0, ask)
	require.NotEqual(t, first, old)
	m.forget()
	_, err := m.get("a", time.Hour, func() (int, error) { return 0, errors.New("down") })
	require.Error(t, err)
	_, err = m.get("a", time.Hour, ask)
	require.NoError(t, err, "errors are not remembered")
}
