// Package tools pins, in its go.mod, the programs that build and check this repository: controller-gen, golangci-lint,
// ginkgo and kustomize. It holds no code of its own. They run from the repository's root as
//
//	go tool -modfile=hack/tools/go.mod <program>
//
// golangci-lint is the one that the kube-api-linter builds around itself, so that one program and one pass lint both;
// its name is golangci-lint-kube-api-linter, and the version of golangci-lint in go.mod is ours.
//
// It is a module of its own so that no linter's dependency ever reaches the module that users import.
package tools
