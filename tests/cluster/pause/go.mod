// The pause program of the local cluster: the first process of every pod, which holds the pod's
// namespaces.
module restapi.dev/tests/cluster/pause

go 1.26.0
