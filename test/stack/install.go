package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const fieldManager = "countersign-stack"

// establishTimeout is what the API server gets to serve a kind whose definition it has taken.
const establishTimeout = 30 * time.Second

// manifests returns what of config/ the programs need where no pods run: all but the workloads and what fronts them.
func (c Config) manifests() []string {
	manifests := []string{
		"default/namespace.yaml", "rbac/*.yaml", "operator/serviceaccount.yaml", "tokenserver/serviceaccount.yaml",
	}
	if c.Levels {
		manifests = append(manifests, "levels/*.yaml")
	}
	return manifests
}

// install applies config/ to the API server.
func (s *Stack) install(ctx context.Context) error {
	// One client for the definitions and one for what they define: a client learns a server's kinds when it is made.
	if err := s.apply(ctx, "crd/bases/*.yaml"); err != nil {
		return err
	}
	return s.apply(ctx, s.config.manifests()...)
}

// apply applies files of config/ that match the patterns, in their order.
func (s *Stack) apply(ctx context.Context, patterns ...string) error {
	api, err := client.New(s.Admin, client.Options{Scheme: runtime.NewScheme()})
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(s.config.Root, "config", pattern))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("looking for config/%s: found no file (%w)", pattern, err)
		}
		for _, file := range files {
			if err := applyFile(ctx, api, file); err != nil {
				return err
			}
		}
	}
	return nil
}

func applyFile(ctx context.Context, api client.Client, file string) error {
	objects, err := readObjects(file)
	if err != nil {
		return err
	}
	for _, object := range objects {
		configuration := client.ApplyConfigurationFromUnstructured(object)
		if err := api.Apply(ctx, configuration, client.FieldOwner(fieldManager)); err != nil {
			return fmt.Errorf("applying %s %s of %s: %w", object.GetKind(), object.GetName(), file, err)
		}
		if object.GetKind() == "CustomResourceDefinition" {
			if err := waitEstablished(ctx, api, object); err != nil {
				return fmt.Errorf("waiting for %s to be served: %w", object.GetName(), err)
			}
		}
	}
	return nil
}

// readObjects reads the objects of a YAML file. A kustomization.yaml holds none.
func readObjects(file string) ([]*unstructured.Unstructured, error) {
	if filepath.Base(file) == "kustomization.yaml" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a manifest: %w", err)
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", file, err)
		case len(object.Object) == 0: // a document of comments
		default:
			objects = append(objects, object)
		}
	}
}

func waitEstablished(ctx context.Context, api client.Client, definition *unstructured.Unstructured) error {
	return wait.PollUntilContextTimeout(ctx, pollInterval, establishTimeout, true, func(ctx context.Context) (bool, error) {
		if err := api.Get(ctx, client.ObjectKeyFromObject(definition), definition); err != nil {
			return false, err
		}
		// Right after the definition was taken the conditions are null, which is no list.
		found, _, err := unstructured.NestedFieldNoCopy(definition.Object, "status", "conditions")
		if err != nil {
			return false, err
		}
		conditions, _ := found.([]any)
		for _, condition := range conditions {
			fields, ok := condition.(map[string]any)
			if ok && fields["type"] == "Established" && fields["status"] == "True" {
				return true, nil
			}
		}
		return false, nil
	})
}
