package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

const (
	dataLink      = "..data"
	dataLinkFresh = "..data_tmp"
)

// projectSecret keeps a directory as a kubelet keeps the mount of a Secret: whatever the Secret holds now, swapped in at
// once. Where the Secret is deleted the files stay, as in a mount. Errors go to report. It works until the function that it
// returns is called, which returns when nothing writes to the directory any more.
func projectSecret(config *rest.Config, namespace, name, dir string, report func(error)) (end func(), err error) {
	end = func() {}
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return end, fmt.Errorf("making a client: %w", err)
	}
	selector := fields.OneTermEqualSelector("metadata.name", name)
	project := func(object any) {
		secret, ok := object.(*corev1.Secret)
		if !ok {
			return
		}
		if err := writePayload(dir, secret.Data); err != nil {
			report(fmt.Errorf("projecting Secret %s to a directory: %w", name, err))
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(clients.CoreV1().RESTClient(), "secrets", namespace, selector),
		ObjectType:    &corev1.Secret{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    project,
			UpdateFunc: func(_, current any) { project(current) },
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		informer.RunWithContext(ctx)
	}()
	return func() { cancel(); <-ended }, nil
}

// writePayload makes the files of the directory these, all at once for whoever reads through them: each is a link into
// ..data, which is a link to a directory of this moment, and that link is replaced by rename.
func writePayload(dir string, files map[string][]byte) error {
	if same, err := holds(filepath.Join(dir, dataLink), files); err != nil || same {
		return err
	}
	fresh, err := os.MkdirTemp(dir, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(fresh, name), data, 0o600); err != nil {
			return err
		}
	}
	stale, _ := os.Readlink(filepath.Join(dir, dataLink)) // none the first time
	if err := swap(dir, filepath.Base(fresh)); err != nil {
		return err
	}
	if err := linkFiles(dir, files); err != nil {
		return err
	}
	if stale == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, stale))
}

// swap makes ..data a link to the directory.
func swap(dir, fresh string) error {
	link := filepath.Join(dir, dataLinkFresh)
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(fresh, link); err != nil {
		return err
	}
	return os.Rename(link, filepath.Join(dir, dataLink))
}

// linkFiles makes the names that readers use: a link into ..data for each file, and none for files that are gone.
func linkFiles(dir string, files map[string][]byte) error {
	for name := range files {
		err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		_, wanted := files[entry.Name()]
		if wanted || entry.Name()[:1] == "." {
			continue
		}
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// holds reports whether the directory has exactly these files.
func holds(dir string, files map[string][]byte) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || len(entries) != len(files) {
		return false, err
	}
	for name, want := range files {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil || !bytes.Equal(data, want) {
			return false, err
		}
	}
	return true, nil
}
