package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ocne-project/ocne/internal/cluster/progress"
	"github.com/ocne-project/ocne/internal/cluster/record"
	"github.com/ocne-project/ocne/internal/config"
)

// memory is what is remembered of the cluster that a command is about. The file may change while the command works; what the command
// finds out is added to what is there then.
type memory struct {
	file record.File
	// known is nil when nothing is remembered.
	known *record.Cluster
	// chooses says that the command uses the remembered management cluster: none was named by --kubeconfig.
	chooses bool
	// off says that the file cannot be used, which the user was told.
	off bool
}

// recall looks the cluster up in the record.
func recall(o ManagementOptions, c *config.Config, anyNamespace bool, report progress.Reporter) (*memory, error) {
	mem := &memory{file: record.Of(o.HomeDir)}
	namespace := c.Namespace
	if anyNamespace {
		namespace = ""
	}
	named, err := mem.file.Named(namespace, c.Name)
	var foreign *record.ForeignError
	switch {
	case errors.As(err, &foreign):
		mem.off = true
		report.Warn(fmt.Sprintf("%v. It is left alone, and this ocne remembers no management clusters until it is moved away: mv %[2]s %[2]s.other",
			err, foreign.Path))
	case err != nil && o.Flag != "":
		mem.off = true
		report.Warn(fmt.Sprintf("%v. It is not used, because --kubeconfig names the management cluster", err))
	case err != nil:
		return nil, unreadable(err)
	case len(named) == 1:
		mem.known, mem.chooses = &named[0], o.Flag == ""
	case len(named) > 1 && o.Flag == "":
		return nil, severalRemembered(c.Name, named)
	}
	return mem, nil
}

// recallToWrite is recall for a command that makes clusters: it makes none that it could not remember.
func recallToWrite(o ManagementOptions, c *config.Config, report progress.Reporter) (*memory, error) {
	if err := record.Of(o.HomeDir).CheckWritable(); err != nil {
		var foreign *record.ForeignError
		if errors.As(err, &foreign) {
			return nil, &AdvisedError{
				Err: fmt.Errorf("%w; this ocne remembers in a file of the same name which management cluster holds which cluster", err),
				Advice: fmt.Sprintf("Nothing was changed. Move it away, or use another home directory (HOME) for one of the two:\n  mv %[1]s %[1]s.other",
					foreign.Path),
			}
		}
		return nil, unreadable(err)
	}
	return recall(o, c, false, report)
}

func unreadable(err error) error {
	var format *record.FormatError
	advice := "Nothing was changed. ocne keeps there which management cluster holds which cluster: make it readable and writable for yourself."
	if errors.As(err, &format) {
		advice = "Nothing was changed. ocne keeps there which management cluster holds which cluster. Correct the file, or move it away and name the\n" +
			"management cluster of each cluster once, with --kubeconfig or KUBECONFIG; ocne remembers it again."
	}
	return &AdvisedError{Err: err, Advice: advice}
}

func severalRemembered(name string, named []record.Cluster) error {
	lines := make([]string, len(named))
	for i, c := range named {
		lines[i] = fmt.Sprintf("%s (namespace %s): %s", c.Name, c.Namespace, c.Management)
	}
	return &AdvisedError{
		Err:    fmt.Errorf("there are several clusters %s:\n  %s", name, strings.Join(lines, "\n  ")),
		Advice: "Say which one with its configuration file: -c FILE",
	}
}

// options choose the remembered management cluster, if it is not the cluster itself.
func (mem *memory) options(o ManagementOptions) ManagementOptions {
	if mem.chooses {
		o.recorded = mem.outside()
	}
	return o
}

// outside is the remembered management cluster that is not the cluster itself; nil when there is none.
func (mem *memory) outside() *record.Management {
	switch c := mem.known; {
	case c == nil:
	case c.Management.Kind != record.Self:
		return &c.Management
	case c.MovingTo != nil && c.MovingTo.Kind != record.Self: // on its way out
		return c.MovingTo
	}
	return nil
}

// notItself lets the record choose where --kubeconfig names a cluster as the management cluster of itself, and the record says that its objects have left
// it or are on their way.
func (mem *memory) notItself(o ManagementOptions, report progress.Reporter) (ManagementOptions, error) {
	place := mem.outside()
	if o.Flag == "" || place == nil {
		return o, nil
	}
	path, err := filepath.Abs(o.Flag)
	if err != nil {
		return o, err
	}
	places := []record.Management{mem.known.Management}
	if to := mem.known.MovingTo; to != nil {
		places = append(places, *to)
	}
	for _, former := range mem.known.History {
		places = append(places, former.Management)
	}
	if !slices.ContainsFunc(places, func(p record.Management) bool { return p.Kind == record.Self && slices.Equal(p.Files, []string{path}) }) {
		return o, nil
	}
	report.Step(fmt.Sprintf("The objects of cluster %s are in %s, or between it and the cluster itself, as %s says: --kubeconfig %s is not used",
		mem.known.Name, place, mem.file.Path, o.Flag))
	mem.chooses, o.Flag = true, ""
	return o, nil
}

// another is the management cluster that the record names for a cluster that is not looked for there; nil when there is none.
func (mem *memory) another(ctx context.Context, m *Management) (*record.Management, error) {
	if mem.known == nil || mem.chooses {
		return nil, nil
	}
	if err := m.identify(ctx); err != nil {
		return nil, err
	}
	if !mem.known.Management.Same(m.place) {
		return &mem.known.Management, nil
	}
	return mem.known.MovingTo, nil
}

// self is the cluster as its own management cluster, which it is or is to become; else nil.
func (mem *memory) self() *record.Management {
	switch c := mem.known; {
	case c == nil:
	case c.Management.Kind == record.Self:
		return &c.Management
	case c.MovingTo != nil && c.MovingTo.Kind == record.Self:
		return c.MovingTo
	}
	return nil
}

// atHome says that the cluster's objects may be in the cluster itself.
func (mem *memory) atHome(c *config.Config) bool {
	return c.SelfManaged || mem.chooses && mem.self() != nil
}

// itself says that nobody but the cluster itself is remembered to hold it.
func (mem *memory) itself() bool {
	return mem.chooses && mem.outside() == nil
}

// expectOwn refuses a cluster of the same name in a management cluster that is not the remembered one: the cluster itself.
func (mem *memory) expectOwn(ctx context.Context, h *homes) error {
	switch {
	case !mem.itself() || h.inOwn != nil:
		return nil
	case h.silent != nil:
		return mem.lost(ctx, h.silent)
	}
	return mem.lost(ctx, errNoObjects)
}

// errNoObjects is why a cluster that managed itself cannot be used.
var errNoObjects = errors.New("there is no kubeconfig of it, or its API does not hold the cluster's objects")

// ownKubeconfig is the path of the cluster's kubeconfig. Where another management cluster is named, the cluster is still asked.
func (mem *memory) ownKubeconfig(c *config.Config) string {
	self := mem.self()
	if self == nil {
		return c.KubeconfigPath()
	}
	if _, err := os.Stat(c.KubeconfigPath()); mem.chooses || errors.Is(err, fs.ErrNotExist) {
		return self.Files[0]
	}
	return c.KubeconfigPath()
}

// config has the namespace that is remembered.
func (mem *memory) config(c *config.Config) *config.Config {
	if !mem.chooses {
		return c
	}
	located := *c
	located.Namespace = mem.known.Namespace
	return &located
}

// lost is the error of a cluster whose management cluster was remembered and cannot be used.
func (mem *memory) lost(ctx context.Context, err error) error {
	if !mem.chooses || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, ErrNoManagement) {
		err = errors.New("it is not there any more")
	}
	c := mem.known
	return &AdvisedError{
		Err: fmt.Errorf("cluster %s is held by %s, as %s says since %s, and that management cluster cannot be used: %w",
			c.Name, c.Management, mem.file.Path, c.Since.Format("2006-01-02"), err),
		Advice: "Nothing was changed.\n" +
			"If it can be reached in another way, or another management cluster holds the cluster now, name it once: --kubeconfig FILE\n" +
			"If it is lost, restore it from a backup. Without one, the cluster's VMs are still in the engine; forget the cluster, then list and remove them:\n" +
			"  ocne cluster delete -C " + c.Name + " --forget\n  ocne cluster orphans -c FILE",
	}
}

// notThere is the error of a cluster that its remembered management cluster does not hold any more.
func (mem *memory) notThere(m *Management) error {
	return &AdvisedError{
		Err: fmt.Errorf("cluster %s is not in the management cluster %s any more, which held it as %s says", mem.known.Name, m.Description, mem.file.Path),
		Advice: "If another management cluster holds it now, name that one once: --kubeconfig FILE\n" +
			"If the cluster is gone, forget it:\n  ocne cluster delete -C " + mem.known.Name,
	}
}

// tell says in one line which management cluster is used when another one was named.
func (mem *memory) tell(o ManagementOptions, m *Management, report progress.Reporter) {
	if !mem.chooses {
		return
	}
	if from, another := o.namesAnother(m); another {
		report.Step(fmt.Sprintf("Cluster %s is held by %s, as %s says: %s is not used (--kubeconfig would be)",
			mem.known.Name, m.place, mem.file.Path, from))
	}
}

// namesAnother says whether KUBECONFIG or the configuration name another management cluster.
func (o ManagementOptions) namesAnother(m *Management) (from string, another bool) {
	o.recorded = nil
	rules, from := o.kubeconfigSource()
	if rules == nil {
		return "", false
	}
	restConfig, err := o.clientConfig(rules).ClientConfig()
	return from, err != nil || withoutUser(restConfig.Host) != m.server()
}

// write remembers where a cluster is from now on, and where it is on its way to.
func (mem *memory) write(ctx context.Context, c record.Cluster) error {
	if mem.off {
		return nil
	}
	if err := mem.file.Keep(ctx, c); err != nil {
		return err
	}
	named, err := mem.file.Named(c.Namespace, c.Name)
	if err == nil && len(named) == 1 {
		mem.known = &named[0]
	}
	return err
}

// began remembers the management cluster that a cluster is made in, before anything of it is.
func (mem *memory) began(ctx context.Context, m *Management, o CreateOptions) error {
	if err := m.identify(ctx); err != nil {
		return err
	}
	err := mem.write(ctx, record.Cluster{
		Namespace: o.Config.Namespace, Name: o.Config.Name, Provider: o.Config.Provider, Config: o.ConfigFile, Management: m.place,
	})
	if err != nil && ctx.Err() == nil {
		return unreadable(err)
	}
	return err
}

// moves remembers that a cluster is on its way to another management cluster. Whoever goes on with the move finds out by that where to.
func (mem *memory) moves(ctx context.Context, key client.ObjectKey, from, to *Management, report progress.Reporter) {
	err := errors.Join(from.identify(ctx), to.identify(ctx))
	if err == nil {
		place := to.place
		err = mem.write(ctx, record.Cluster{Namespace: key.Namespace, Name: key.Name, Management: from.place, MovingTo: &place})
	}
	mem.warn(ctx, key.Name, err, report)
}

// moved remembers the management cluster that a cluster has come to.
func (mem *memory) moved(ctx context.Context, key client.ObjectKey, to *Management, report progress.Reporter) {
	err := to.identify(ctx)
	if err == nil {
		err = mem.write(ctx, record.Cluster{Namespace: key.Namespace, Name: key.Name, Management: to.place})
	}
	mem.warn(ctx, key.Name, err, report)
}

// resumed remembers where a cluster is whose move may have been completed just now.
func (mem *memory) resumed(ctx context.Context, key client.ObjectKey, home *Management, report progress.Reporter) {
	if home != nil && mem.chooses && mem.known.MovingTo != nil {
		mem.moved(ctx, key, home, report)
	}
}

// saw remembers in which management cluster a cluster was found. While the cluster moves, whoever moves it remembers.
func (mem *memory) saw(ctx context.Context, m *Management, c *clusterv1.Cluster, configFile string, report progress.Reporter) {
	if mem.off || moving(c) || mem.known != nil && mem.known.MovingTo != nil {
		return
	}
	err := m.Remember(ctx, mem.file, c, configFile)
	mem.warn(ctx, c.Name, err, report)
}

// Remember keeps in the record that the management cluster holds a cluster.
func (m *Management) Remember(ctx context.Context, file record.File, c *clusterv1.Cluster, configFile string) error {
	if err := m.identify(ctx); err != nil {
		return err
	}
	seen := record.Cluster{Namespace: c.Namespace, Name: c.Name, Provider: provider(c), Config: configFile, Management: m.place}
	named, err := file.Named(c.Namespace, c.Name)
	if err != nil {
		return err
	}
	if len(named) == 1 && named[0].Management.Same(m.place) && named[0].Management.Kind == record.Self {
		seen.Management.Kind = record.Self
	} else if len(named) == 0 || !named[0].Management.Same(m.place) {
		itself, err := m.isItself(ctx, c)
		if err != nil && !apierrors.IsForbidden(err) { // an account may not read the cluster's kubeconfig
			return err
		}
		if itself {
			seen.Management.Kind = record.Self
		}
	}
	return file.Keep(ctx, seen)
}

func (mem *memory) warn(ctx context.Context, name string, err error, report progress.Reporter) {
	if err == nil || ctx.Err() != nil {
		return
	}
	report.Warn(fmt.Sprintf("%s does not say which management cluster holds cluster %s: %v. Where it says something else, --kubeconfig wins",
		mem.file.Path, name, err))
}

// forget removes what is remembered of a cluster that is gone from a management cluster. What another one holds under this name stays.
func (mem *memory) forget(ctx context.Context, key client.ObjectKey, m *Management) error {
	if mem.off {
		return nil
	}
	if err := m.identify(ctx); err != nil {
		return err
	}
	return mem.file.Forget(ctx, func(c record.Cluster) bool {
		return c.Namespace == key.Namespace && c.Name == key.Name && c.Management.Same(m.place)
	})
}

// undo forgets a cluster that was to be made when nothing of it was.
func (mem *memory) undo(ctx context.Context, key client.ObjectKey, m *Management, report progress.Reporter) {
	afterwards, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	c, err := m.clusterNamed(afterwards, key)
	if err == nil && c == nil { // else it may be there, and stays remembered
		mem.warn(ctx, key.Name, mem.forget(afterwards, key, m), report)
	}
}
