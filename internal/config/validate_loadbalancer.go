package config

import infrav1 "github.com/ocne-project/ocne/api/v1"

// loadBalancer repeats what the API server would refuse.
func (v *validator) loadBalancer() {
	const key = "controlPlaneLoadBalancer."
	l := v.config.LoadBalancer
	switch l.Type {
	case "", infrav1.LoadBalancerBuiltIn, infrav1.LoadBalancerExternal:
	default:
		v.report(key+"type", "%q is not known: write %s, or %s where somebody else makes the virtual IP answer", l.Type,
			infrav1.LoadBalancerBuiltIn, infrav1.LoadBalancerExternal)
	}
	for _, setting := range []struct {
		name               string
		value              int32
		smallest, greatest int32
	}{
		{"virtualRouterID", l.VirtualRouterID, 1, 255},
		{"advertIntervalMilliseconds", l.AdvertIntervalMilliseconds, 100, 10000},
		{"checkIntervalSeconds", l.CheckIntervalSeconds, 1, 60},
		{"checkTimeoutSeconds", l.CheckTimeoutSeconds, 1, 60},
		{"checkFall", l.CheckFall, 1, 100},
		{"checkRise", l.CheckRise, 1, 100},
		{"refreshIntervalSeconds", l.RefreshIntervalSeconds, 1, 300},
	} {
		if n := setting.value; n != 0 && (n < setting.smallest || n > setting.greatest) {
			v.report(key+setting.name, "is %d: write %d to %d, or 0 for the default", n, setting.smallest, setting.greatest)
		}
	}
	if n := l.AdvertIntervalMilliseconds; n%10 != 0 {
		v.report(key+"advertIntervalMilliseconds", "is %d: write a multiple of 10, because nodes tell it each other in hundredths of a second", n)
	}
}
