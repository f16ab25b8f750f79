// The program that makes and removes the folders of claims on a node of the local cluster.
module restapi.dev/tests/cluster/volume-helper

go 1.26.0
