// Judges objects as the tools do that people watch their workloads with.
//
// Reads a JSON list of objects on standard input and writes a JSON list of verdicts, one an object and in
// the same order: of kstatus (Flux, kpt, kustomize's users), of `kubectl rollout status`, and of the health
// checks that are built into Argo CD.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/kubectl/pkg/polymorphichelpers"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// A verdict is one word, and what the tool says about it. Empty where a tool has no opinion on a kind.
type verdict struct {
	Word    string `json:"word"`
	Message string `json:"message"`
}

type verdicts struct {
	Kstatus verdict `json:"kstatus"`
	Rollout verdict `json:"rollout"`
	Argo    verdict `json:"argo"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var texts []json.RawMessage
	if err := json.NewDecoder(in).Decode(&texts); err != nil {
		return err
	}
	judged := make([]verdicts, 0, len(texts))
	for _, text := range texts {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return err
		}
		judged = append(judged, verdicts{kstatus(object), rollout(object), argo(object)})
	}
	return json.NewEncoder(out).Encode(judged)
}

func kstatus(object *unstructured.Unstructured) verdict {
	result, err := status.Compute(object)
	if err != nil {
		return verdict{"error", err.Error()}
	}
	return verdict{result.Status.String(), result.Message}
}

func rollout(object *unstructured.Unstructured) verdict {
	viewer, err := polymorphichelpers.StatusViewerFor(object.GroupVersionKind().GroupKind())
	if err != nil {
		return verdict{} // a kind that is not rolled out
	}
	message, done, err := viewer.Status(object, 0)
	switch {
	case err != nil:
		return verdict{"error", err.Error()}
	case done:
		return verdict{"done", message}
	default:
		return verdict{"waiting", message}
	}
}

func argo(object *unstructured.Unstructured) verdict {
	result, err := health.GetResourceHealth(object, nil)
	if err != nil && result == nil {
		return verdict{"error", err.Error()}
	}
	if result == nil {
		return verdict{}
	}
	return verdict{string(result.Status), result.Message}
}
