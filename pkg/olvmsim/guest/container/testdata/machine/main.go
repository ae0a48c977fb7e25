// Command machine is the smallest operating system for tests of what is around one: it is PID 1 of a guest, and its Ignition. Its console
// tells how often it has booted. It takes its address from the document, and obeys who connects to port 7: poweroff, reboot, die, escape.
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

const documentPath = "/etc/document"

func main() {
	if filepath.Base(os.Args[0]) == "ignition" {
		os.Exit(ignition())
	}
	poweroff := make(chan os.Signal, 1)
	signal.Notify(poweroff, syscall.Signal(38))
	boots := readLine("/boots") + "I"
	must(os.WriteFile("/boots", []byte(boots), 0o600))
	must(os.WriteFile("/var/lib/etcd/boots", []byte(boots), 0o600))
	if address := net.ParseIP(readLine(documentPath)); address != nil {
		setAddress("enp1s0", address)
	}
	listener, err := net.Listen("tcp", ":7")
	must(err)
	fmt.Println("machine: boot", boots, "kubernetes", readLine("/kubernetes"), "as", os.Getenv("container_uuid"))
	go serve(listener)
	<-poweroff
	fmt.Println("machine: power button")
	must(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
	select {} // the kernel ends this process
}

func ignition() int {
	if !strings.Contains(strings.Join(os.Args, " "), "--stage files") {
		return 0
	}
	document := readLine(os.Getenv("IGNITION_CONFIG_FILE"))
	if document == "bad" {
		fmt.Println("ignition: this document is bad")
		return 1
	}
	must(os.WriteFile("/mnt"+documentPath, []byte(document), 0o600))
	return 0
}

func serve(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		must(err)
		line, _ := bufio.NewReader(connection).ReadString('\n')
		switch strings.TrimSpace(line) {
		case "poweroff":
			must(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
		case "reboot":
			must(syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART))
		case "die":
			os.Exit(1)
		case "escape":
			_, _ = fmt.Fprintln(connection, escape())
		default:
			_, _ = fmt.Fprintln(connection, "you said", line)
		}
		_ = connection.Close()
	}
}

// escape tries to change the machine and says what it could.
func escape() string {
	var done []string
	if os.WriteFile("/proc/sys/kernel/panic", []byte("77"), 0) == nil && readLine("/proc/sys/vm/swappiness") != "" {
		done = append(done, "panic="+readLine("/proc/sys/kernel/panic"))
	}
	if os.WriteFile("/proc/sys/vm/swappiness", []byte("1"), 0) == nil {
		done = append(done, "swappiness")
	}
	if os.WriteFile("/proc/sysrq-trigger", []byte("h"), 0) == nil {
		done = append(done, "sysrq")
	}
	var now syscall.Timeval
	must(syscall.Gettimeofday(&now))
	if syscall.Settimeofday(&now) == nil {
		done = append(done, "clock")
	}
	if os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) == nil {
		done = append(done, "ip_forward="+readLine("/proc/sys/net/ipv4/ip_forward"))
	}
	return strings.Join(done, " ")
}

// setAddress does what "ip address add" does, with the calls of netdevice(7).
func setAddress(device string, address net.IP) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	must(err)
	for request, ip := range map[uintptr]net.IP{syscall.SIOCSIFADDR: address} {
		var ifreq [40]byte
		copy(ifreq[:16], device)
		ifreq[16] = syscall.AF_INET
		copy(ifreq[20:24], ip.To4())
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(socket), request, uintptr(unsafe.Pointer(&ifreq[0]))); errno != 0 {
			must(errno)
		}
	}
	must(syscall.Close(socket))
}

func readLine(path string) string {
	text, _ := os.ReadFile(path)
	return strings.TrimSpace(string(text))
}

func must(err error) {
	if err != nil {
		fmt.Println("machine:", err)
		panic(err)
	}
}
