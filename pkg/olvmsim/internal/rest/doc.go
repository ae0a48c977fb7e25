// Package rest serves an engine over HTTP the way oVirt's API v4 does: sign-on, representations in XML and
// JSON, faults, searches and paging. The model_*.go files hold the representations, represent*.go fill them from the engine's state, and the
// handlers translate requests into the engine's commands.
package rest
