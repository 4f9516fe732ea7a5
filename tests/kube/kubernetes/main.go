// Command kubernetes is a whole control plane in one program, for tests.
//
// The first argument, or the name it was started by, says which part of it to be:
//
//	kubernetes kube-apiserver --etcd-servers …
//	ln -s kubernetes kube-apiserver && ./kube-apiserver --etcd-servers …
//
// One program instead of five because the parts share almost all of their code: linked together they take
// 140 MB instead of 400, and one link step instead of five.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
)

// parts holds each program under the name that its own documentation uses.
var parts = map[string]func(){
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kube-apiserver":          func() { serve(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() { serve(controllers.NewControllerManagerCommand()) },
	"kube-scheduler":          func() { serve(scheduler.NewSchedulerCommand()) },
	"kubectl":                 runKubectl,
	"genkey":                  printKey,
}

func main() {
	name := filepath.Base(os.Args[0])
	if parts[name] == nil && len(os.Args) > 1 {
		// Each part reads os.Args itself: give it the ones it would have had on its own.
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	part := parts[name]
	if part == nil {
		names := make([]string, 0, len(parts))
		for known := range parts {
			names = append(names, known)
		}
		slices.Sort(names)
		fmt.Fprintf(os.Stderr, "kubernetes: no part is called %q; there are: %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	part()
}

func serve(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

// runKubectl leaves the printing of errors to kubectl itself, which words them for people.
func runKubectl() {
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}

// printKey prints a fresh RSA key, so that signing service account tokens needs no openssl on the machine.
func printKey() {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		fmt.Fprintln(os.Stderr, "genkey:", err)
		os.Exit(1)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if err := pem.Encode(os.Stdout, block); err != nil {
		fmt.Fprintln(os.Stderr, "genkey:", err)
		os.Exit(1)
	}
}
