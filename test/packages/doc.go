// Package packages installs what clusterctl and Helm install of the OLVM provider into empty management clusters, and runs the provider as
// the installed Deployment says: with its arguments, its environment and its ServiceAccount's rights. It is a module of its own, because
// nothing else needs clusterctl's and Helm's libraries.
package packages
