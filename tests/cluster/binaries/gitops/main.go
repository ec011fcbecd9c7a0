// Verdict says what GitOps tools make of objects: kstatus (Flux, Helm), and the health expressions of a Flux
// Kustomization.
//
// Standard input is a JSON object {"expressions": {"inProgress": …, "failed": …, "current": …}, "objects": [...]};
// standard output is a JSON list with one {"kstatus": …, "flux": …} for each object, in order.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type question struct {
	Expressions kustomize.HealthCheckExpressions `json:"expressions"`
	Objects     []*unstructured.Unstructured     `json:"objects"`
}

type verdict struct {
	Kstatus string `json:"kstatus"`
	Flux    string `json:"flux"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	evaluator, err := cel.NewStatusEvaluator(&asked.Expressions)
	if err != nil {
		return err
	}
	verdicts := []verdict{}
	for _, object := range asked.Objects {
		found, err := judge(evaluator, object)
		if err != nil {
			return err
		}
		verdicts = append(verdicts, found)
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

func judge(evaluator *cel.StatusEvaluator, object *unstructured.Unstructured) (verdict, error) {
	generic, err := status.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	flux, err := evaluator.Evaluate(context.Background(), object)
	if err != nil {
		return verdict{}, err
	}
	return verdict{generic.Status.String(), flux.Status.String()}, nil
}
