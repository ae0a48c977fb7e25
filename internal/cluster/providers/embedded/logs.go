package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxLog is the size in bytes from which a log is rotated. There are at most two files of each process, so that they take about twice as much.
const maxLog = 16 << 20

// rotateLogs is called whenever a command begins to use the management cluster, and all the time by Serve.
func (o Options) rotateLogs() error {
	var errs []error
	for _, name := range processNames() {
		errs = append(errs, program{name: name, dir: o.Dir}.rotateLog(maxLog))
	}
	return errors.Join(errs...)
}

// rotateLog moves the last part of a log that has become too long to NAME.log.1. The process has the file open for appending and goes on with
// it, so that the content is copied and cut off: a line that is written just then may be lost.
func (p program) rotateLog(most int64) (err error) {
	log, err := os.OpenFile(p.file(".log"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("rotate a log: %w", err)
	}
	defer func() { _ = log.Close() }()
	info, err := log.Stat()
	if err != nil || info.Size() < most {
		return err
	}
	old, err := os.OpenFile(p.file(".log.new"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("rotate a log: %w", err)
	}
	_, err = io.Copy(old, io.NewSectionReader(log, info.Size()-most, most))
	if err = errors.Join(err, old.Close()); err == nil {
		err = os.Rename(p.file(".log.new"), p.file(".log.1"))
	}
	if err == nil {
		err = log.Truncate(0)
	}
	if err != nil {
		return fmt.Errorf("rotate the log %s: %w", p.file(".log"), err)
	}
	return nil
}
