package main

import (
	"flag"
	"fmt"
	"io"
	"strconv"

	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// setupLog makes everything log lines of "time LEVEL logger message {values}", separated by tabs. The existing ocne command
// line tool takes the fourth field of an ERROR line for its message, so there is always a logger's name, and never a stack trace on
// lines of its own.
func setupLog(w io.Writer, verbosity int) error {
	logger := zap.New(
		zap.WriteTo(w),
		zap.Level(zapcore.Level(-verbosity)),
		zap.StacktraceLevel(zapcore.PanicLevel),
		zap.ConsoleEncoder(func(c *zapcore.EncoderConfig) { c.EncodeLevel = encodeLevel }),
	).WithName("ocne-manager")
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)

	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	if err := flags.Set("v", strconv.Itoa(verbosity)); err != nil {
		return fmt.Errorf("verbosity %d: %w", verbosity, err)
	}
	return nil
}

// encodeLevel calls the levels below zero, which have no name in zap, DEBUG.
func encodeLevel(level zapcore.Level, out zapcore.PrimitiveArrayEncoder) {
	zapcore.CapitalLevelEncoder(max(level, zapcore.DebugLevel), out)
}
