package bootimage

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long a boot may take. One takes two and a half minutes of a processor.
const patience = 25 * time.Minute

// guest is a virtual machine that runs.
type guest struct {
	serial *bufio.Reader
	since  time.Time
}

// start boots the disk, which stays as it is, on a machine like an engine's: q35 with UEFI, the disk on a SCSI controller, the drive in a
// SATA CD-ROM, one network card, and what else the arguments say. It runs until the test ends.
func start(t *testing.T, image image, disk, drive string, arguments ...string) *guest {
	t.Helper()
	variables := filepath.Join(t.TempDir(), "variables.fd")
	empty, err := os.ReadFile(image.tool("usr", "share", "OVMF", "OVMF_VARS_4M.fd"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(variables, empty, 0o600))
	vm := image.command(t, "qemu-system-x86_64", append([]string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-vga", "std",
		"-L", image.tool("usr", "share", "qemu"), "-L", image.tool("usr", "share", "seabios"),
		// The guest's clock counts instructions, so that a busy machine does not let the guest's own deadlines pass.
		"-machine", "q35", "-accel", "tcg,tb-size=128", "-icount", "shift=1", "-cpu", "max", "-smp", "1", "-m", "1024", "-uuid", vmID,
		"-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + image.tool("usr", "share", "OVMF", "OVMF_CODE_4M.fd"),
		"-drive", "if=pflash,unit=1,format=raw,file=" + variables,
		"-device", "virtio-scsi-pci,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk,bootindex=0",
		"-drive", "if=none,id=disk,snapshot=on,file=" + disk + ",format=" + strings.TrimPrefix(filepath.Ext(disk), "."),
		"-device", "ide-cd,bus=ide.2,drive=config", "-drive", "if=none,id=config,media=cdrom,readonly=on,format=raw,file=" + drive,
		"-device", "pcie-root-port,id=slot1", "-device", "virtio-net-pci,bus=slot1,netdev=network,romfile=",
		"-netdev", "user,id=network,restrict=on", "-device", "virtio-rng-pci",
		"-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial", "-monitor", "none",
	}, arguments...)...)
	vm.Env = append(os.Environ(), "QEMU_MODULE_DIR="+image.tool("usr", "lib", "x86_64-linux-gnu", "qemu"), "TMPDIR="+t.TempDir())
	return run(t, vm)
}

// run starts the program that is the virtual machine, and ends it with the test.
func run(t *testing.T, vm *exec.Cmd) *guest {
	t.Helper()
	out, err := vm.StdoutPipe()
	require.NoError(t, err)
	problems := &strings.Builder{}
	vm.Stderr = problems
	g := &guest{serial: bufio.NewReader(out), since: time.Now()}
	require.NoError(t, vm.Start())
	// The end of the program is the end of its output, for which report waits.
	late := time.AfterFunc(patience, func() { _ = vm.Process.Kill() })
	t.Cleanup(func() {
		late.Stop()
		_ = vm.Process.Kill() // it has ended already when this fails
		_ = vm.Wait()         // it says that it was killed
		if problems.Len() > 0 {
			t.Logf("QEMU: %s", problems)
		}
	})
	return g
}

// report is what the image's boot-report says when a boot is complete, and what came before it.
type report struct {
	lines           []string
	hostname        string
	kernelArguments []string
	// ignition is what Ignition itself noted.
	ignition struct {
		UserConfigProvided bool `json:"userConfigProvided"`
	}
}

// report waits for the end of the boot.
func (g *guest) report(t *testing.T) report {
	t.Helper()
	var r report
	for {
		line, err := g.serial.ReadString('\n')
		line = strings.TrimRight(line, "\r\n")
		r.lines = append(r.lines, line)
		if err != nil {
			require.NoError(t, err, "the machine ended, or was ended after %s, before its boot was complete; the last lines of its serial port:\n%s",
				patience, strings.Join(r.lines[max(0, len(r.lines)-80):], "\n"))
		}
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "boot-report: "), " ")
		switch {
		case !strings.HasPrefix(line, "boot-report: "):
		case key == "hostname":
			r.hostname = value
		case key == "cmdline":
			r.kernelArguments = strings.Fields(value)
		case key == "ignition":
			require.NoError(t, json.Unmarshal([]byte(value), &r.ignition), value)
		case key == "end":
			t.Logf("the boot took %s", time.Since(g.since).Round(time.Second/10))
			return r
		}
	}
}
