package record

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// writerVariable makes the test binary a process that writes to the record: path, its name, and how many clusters.
const writerVariable = "OCNE_TEST_RECORD_WRITER"

func TestMain(m *testing.M) {
	if arguments := os.Getenv(writerVariable); arguments != "" {
		if err := write(arguments); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// write remembers clusters, tells of each when it is in the file, and forgets every other one.
func write(arguments string) error {
	var path, name string
	var count int
	if _, err := fmt.Sscan(arguments, &path, &name, &count); err != nil {
		return err
	}
	f := File{Path: path}
	for i := range count {
		c := Cluster{Namespace: name, Name: fmt.Sprint("cluster-", i), Management: Management{Kind: Embedded, UID: name}}
		if err := f.Keep(context.Background(), c); err != nil {
			return err
		}
		if i%2 == 1 {
			if err := f.Forget(context.Background(), func(old Cluster) bool { return old.fullName() == c.fullName() }); err != nil {
				return err
			}
		}
		fmt.Println(i)
	}
	return nil
}

func (f File) writer(t *testing.T, name string, count int) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program)
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d", writerVariable, f.Path, name, count))
	command.Stderr = os.Stderr
	return command
}

func TestProcessesAtOnceLoseNothing(t *testing.T) {
	const processes, each = 20, 6
	f := newFile(t)
	var all sync.WaitGroup
	failures := make([]error, processes)
	for i := range processes {
		command := f.writer(t, fmt.Sprintf("process-%02d", i), each)
		all.Go(func() { failures[i] = command.Run() })
	}
	all.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	clusters, err := f.Clusters()
	require.NoError(t, err)
	require.Len(t, clusters, processes*each/2)
	for i, c := range clusters {
		require.Equal(t, fmt.Sprintf("process-%02d/cluster-%d", i/(each/2), i%(each/2)*2), c.fullName())
	}
}

// Whatever was told as written is there after a kill, and the next one writes on.
func TestAWriterThatIsKilledLeavesAWholeFile(t *testing.T) {
	f := newFile(t)
	for round := range 25 {
		name := fmt.Sprintf("round-%02d", round)
		command := f.writer(t, name, 1000)
		out, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		lines := bufio.NewReader(out)
		told := 1 + rand.IntN(3)
		for range told {
			_, err := lines.ReadString('\n')
			require.NoError(t, err)
		}
		require.NoError(t, command.Process.Kill())
		rest, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Error(t, command.Wait(), "it was killed")
		told += strings.Count(string(rest), "\n")

		clusters, err := f.Clusters()
		require.NoError(t, err, "round %d", round)
		mine := 0
		for _, c := range clusters {
			if c.Namespace == name {
				mine++
			}
		}
		require.GreaterOrEqual(t, mine, (told+1)/2, "clusters told as written: every other one stays")
		require.LessOrEqual(t, mine, (told+1)/2+1)
	}
	require.NoError(t, f.writer(t, "last", 2).Run())
	names, err := filepath.Glob(filepath.Join(filepath.Dir(f.Path), "*"))
	require.NoError(t, err)
	require.ElementsMatch(t, []string{f.Path, f.Path + ".lock"}, names)
}
