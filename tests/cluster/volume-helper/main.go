// Command volume-helper makes and removes the folder of one claim. local-path-provisioner runs it
// in a pod on the claim's node, with the folder above mounted and these arguments:
//
//	volume-helper -p FOLDER -s BYTES -m MODE -a create|delete
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	folder := flag.String("p", "", "the claim's folder")
	flag.String("s", "", "its size in bytes, which a folder can't be held to")
	mode := flag.String("m", "Filesystem", "what the claim is to be: only Filesystem can be had")
	action := flag.String("a", "", "create or delete")
	flag.Parse()
	if err := act(*action, *folder, *mode); err != nil {
		fmt.Fprintln(os.Stderr, "volume-helper:", err)
		os.Exit(1)
	}
}

func act(action, folder, mode string) error {
	if !filepath.IsAbs(folder) || filepath.Clean(folder) == "/" {
		return fmt.Errorf("-p %q is not the folder of a claim", folder)
	}
	switch {
	case action == "create" && mode == "Filesystem":
		return create(folder)
	case action == "create":
		return fmt.Errorf("a claim of mode %s can't be had: only Filesystem", mode)
	case action == "delete":
		return os.RemoveAll(folder)
	default:
		return fmt.Errorf("-a %q is neither create nor delete", action)
	}
}

// create makes the folder writable by every user: who a pod runs as is not known here.
func create(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	// The process's own mask has taken rights away.
	return os.Chmod(folder, 0o777)
}
