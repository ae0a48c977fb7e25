package source

import (
	"crypto/x509"
	"fmt"
	"strings"
)

// The flags of commands that an advice may name.
const (
	FlagCA       = "--registry-ca"
	FlagInsecure = "--registry-insecure"
	FlagAuthFile = "--registry-auth-file"
)

// Adviser is an error that knows what to do next: whole sentences, lines of a command indented.
type Adviser interface {
	error
	Advice() string
}

// NotFoundError says that a registry has no such tag, digest or repository, or a directory or archive no such name.
type NotFoundError struct {
	Reference string
	// Repository says that not even the repository is known.
	Repository bool
	// Near are names that are there, the likeliest first.
	Near []string
	Err  error
}

// Error tells what is not there.
func (e *NotFoundError) Error() string {
	if e.Repository {
		return fmt.Sprintf("image %s: there is no such repository: %v", e.Reference, e.Err)
	}
	return fmt.Sprintf("image %s is not there: %v", e.Reference, e.Err)
}

// Unwrap is what the other side said.
func (e *NotFoundError) Unwrap() error { return e.Err }

// Advice lists what is there.
func (e *NotFoundError) Advice() string {
	if len(e.Near) == 0 {
		return "Check the name of the image."
	}
	return "There are: " + strings.Join(e.Near, ", ")
}

// CredentialsError says that a registry wants credentials, or refuses those that it was given.
type CredentialsError struct {
	Reference string
	Host      string
	// Used is the file that the credentials were in; empty when there were none.
	Used string
	// Looked are the files that were looked at, and what was found there.
	Looked []AuthFile
	Err    error
}

// Error tells whose credentials were refused.
func (e *CredentialsError) Error() string {
	if e.Used != "" {
		return fmt.Sprintf("image %s: registry %s refuses the credentials in %s: %v", e.Reference, e.Host, e.Used, e.Err)
	}
	return fmt.Sprintf("image %s: registry %s wants credentials, and there are none: %v", e.Reference, e.Host, e.Err)
}

// Unwrap is what the registry said.
func (e *CredentialsError) Unwrap() error { return e.Err }

// Advice tells how to log in, and where credentials were looked for.
func (e *CredentialsError) Advice() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Log in, and repeat the command:\n  podman login %s\nor 'docker login %s'. ", e.Host, e.Host)
	b.WriteString("Some registries say the same of repositories that do not exist, and want licence terms to be accepted on their web page.\n")
	b.WriteString("These files were looked at (" + FlagAuthFile + " names another one):")
	for _, f := range e.Looked {
		fmt.Fprintf(&b, "\n  %s: %s", f.Path, f.Finding)
	}
	return b.String()
}

// ArchitectureError says that an image is not there for an architecture.
type ArchitectureError struct {
	Reference string
	Wanted    string
	// Available are the platforms that it is there for, such as linux/arm64.
	Available []string
}

// Error lists what is there.
func (e *ArchitectureError) Error() string {
	return fmt.Sprintf("image %s is not there for linux/%s, only for %s", e.Reference, e.Wanted, strings.Join(e.Available, ", "))
}

// Advice tells how to choose.
func (e *ArchitectureError) Advice() string {
	return "Choose an architecture that the image is there for, or another image."
}

// NotOCKError says that an image holds no boot disk.
type NotOCKError struct {
	Reference string
	// Content are the first files of the first layer.
	Content []string
	// More says that these are not all.
	More bool
	// Err is why the content cannot be read, if so.
	Err error
}

// Error tells what the image holds instead.
func (e *NotOCKError) Error() string {
	switch {
	case e.Err != nil:
		return fmt.Sprintf("image %s is not an OCK image: %v", e.Reference, e.Err)
	case len(e.Content) == 0:
		return fmt.Sprintf("image %s is not an OCK image: its first layer is empty", e.Reference)
	}
	content := strings.Join(e.Content, ", ")
	if e.More {
		content += " and more"
	}
	return fmt.Sprintf("image %s is not an OCK image: there is no %s in its first layer, which holds %s", e.Reference, bootDisk, content)
}

// Unwrap is why the content cannot be read, if so.
func (e *NotOCKError) Unwrap() error { return e.Err }

// Advice names the right kind of image.
func (e *NotOCKError) Advice() string {
	return "The images with boot disks are container-registry.oracle.com/olcne/ock; those of repository ock-ostree hold updates for running nodes."
}

// UntrustedCertificateError says that a registry's certificate is not signed by an authority that is known, or is for another name.
type UntrustedCertificateError struct {
	Host string
	// Chain is what the registry showed, its own certificate first; may be empty.
	Chain []*x509.Certificate
	Err   error
}

// Error tells whose certificate it is.
func (e *UntrustedCertificateError) Error() string {
	text := fmt.Sprintf("the certificate of registry %s is not trusted", e.Host)
	if len(e.Chain) > 0 {
		text += fmt.Sprintf(" (of %s, issued by %s)", e.Chain[0].Subject, e.Chain[len(e.Chain)-1].Issuer)
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

// Unwrap is what is wrong with it.
func (e *UntrustedCertificateError) Unwrap() error { return e.Err }

// Advice tells where the authority's certificate goes.
func (e *UntrustedCertificateError) Advice() string {
	return "Get the certificate of the authority that issued it from whoever runs the registry, and name its file with " + FlagCA + " FILE.\n" +
		"Only to try something out: " + FlagInsecure + " trusts any certificate."
}

// UnreachableError says that a registry does not answer, or not as registries do.
type UnreachableError struct {
	Reference string
	Host      string
	// Proxy that was used, without its password; empty without one.
	Proxy string
	Err   error
}

// Error is what happened.
func (e *UnreachableError) Error() string {
	through := ""
	if e.Proxy != "" {
		through = " through proxy " + e.Proxy
	}
	return fmt.Sprintf("image %s: registry %s cannot be reached%s: %v", e.Reference, e.Host, through, e.Err)
}

// Unwrap is what happened.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Advice names what may be wrong, and the way without a network.
func (e *UnreachableError) Advice() string {
	return "Check the name of the registry, the network and the proxy (HTTPS_PROXY, NO_PROXY). Images that were pulled before are used without the\n" +
		"registry; where there is none, copy the image and name it as oci:DIRECTORY or docker-archive:FILE. A registry without TLS needs " +
		FlagInsecure + "."
}

// DiskFullError says that the cache's file system has no room for an image.
type DiskFullError struct {
	Dir string
	// Needed and Free in bytes; zero when a write failed and nobody knows.
	Needed, Free int64
	Err          error
}

// Error tells how much is missing.
func (e *DiskFullError) Error() string {
	if e.Needed > 0 {
		return fmt.Sprintf("%s has no room for the image: %s are needed, %s are free", e.Dir, sizeText(e.Needed), sizeText(e.Free))
	}
	return fmt.Sprintf("%s has no room for the image: %v", e.Dir, e.Err)
}

// Unwrap is the failed write, if any.
func (e *DiskFullError) Unwrap() error { return e.Err }

// Advice tells how to make room.
func (e *DiskFullError) Advice() string {
	return "Make room: 'ocne image list' shows what is there, and 'ocne image prune' removes what is not needed."
}

// DigestError says that content is not what its digest says.
type DigestError struct {
	// What, such as "the first layer of image ...".
	What string
	// Wanted and Got are digests.
	Wanted, Got string
}

// Error names both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("%s is damaged: its digest is %s instead of %s", e.What, e.Got, e.Wanted)
}

// Advice tells what to do about it.
func (e *DigestError) Advice() string {
	return "What was received is thrown away. Repeat the command; when that does not help, the copy there is damaged: push or copy the image again."
}

// SizeError says that a file is cut off, or is not the one that was meant.
type SizeError struct {
	What string
	// Wanted and Got in bytes.
	Wanted, Got int64
}

// Error names both sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("%s is damaged: it has %d bytes instead of %d", e.What, e.Got, e.Wanted)
}

// Advice tells what to do about it.
func (e *SizeError) Advice() string { return "Copy the image again." }

// sizeText writes a size for people.
func sizeText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
