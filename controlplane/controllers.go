package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
	kcm "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	kcmoptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllers are those that Cluster API relies on: owner references are collected and namespaces can be deleted.
const controllers = "garbage-collector-controller,namespace-controller"

func (c *controlPlane) startControllers(keys *pki) error {
	o, err := kcmoptions.NewKubeControllerManagerOptions()
	if err != nil {
		return fmt.Errorf("kube-controller-manager options: %w", err)
	}
	known, disabled, aliases := kcm.KnownControllers(), kcm.ControllersDisabledByDefault(), kcm.ControllerAliases()
	sets := o.Flags(known, disabled, aliases)
	o.ParsedFlags = &sets
	flags := pflag.NewFlagSet("kube-controller-manager", pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	err = flags.Parse([]string{
		"--kubeconfig=" + c.kubeconfig,
		"--secure-port=0",
		"--leader-elect=false",
		"--controllers=" + controllers,
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	})
	if err != nil {
		return fmt.Errorf("kube-controller-manager flags: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	config, err := o.Config(ctx, known, disabled, aliases)
	if err != nil {
		cancel()
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	c.stopControllers, c.controllersDone = cancel, make(chan struct{})
	go func() {
		defer close(c.controllersDone)
		err := c.wait(ctx, keys, readyPath, nil) // they wait for it themselves, but for ten seconds only
		if err == nil {
			err = kcm.Run(ctx, config.Complete())
		}
		if err != nil && ctx.Err() == nil {
			c.failed <- fmt.Errorf("kube-controller-manager: %w", err)
		}
	}()
	return nil
}
