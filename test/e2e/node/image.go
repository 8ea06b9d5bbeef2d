package node

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Image is a container image that has one statically linked program in it, /countersign, and nothing else.
type Image struct {
	// Name is the image's, as registry.example.com/team/app:1.
	Name string
	// Program is the path of the program.
	Program string
	// Args are those that the program gets where a pod gives none.
	Args []string
	// User is the number of the user and group that it runs as.
	User string
}

// Import makes images and puts them where the kubelet finds them: there is no registry.
func (n *Node) Import(ctx context.Context, images ...Image) error {
	for _, image := range images {
		archive := n.path("image.tar")
		if err := image.write(archive); err != nil {
			return fmt.Errorf("making the image %s: %w", image.Name, err)
		}
		if output, err := n.ctr(ctx, "--namespace=k8s.io", "images", "import", archive).CombinedOutput(); err != nil {
			return fmt.Errorf("importing the image %s: %w: %s", image.Name, err, output)
		}
		if err := os.Remove(archive); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) ctr(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(n.config.Containerd, "ctr"), append([]string{"--address=" + containerdSocket}, args...)...)
}

// write writes the archive that `docker save` would: https://github.com/moby/docker-image-spec, image archives.
func (i Image) write(path string) error {
	program, err := os.ReadFile(i.Program)
	if err != nil {
		return err
	}
	layer, err := archive(file{"countersign", 0o755, program})
	if err != nil {
		return err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/countersign"}, "Cmd": i.Args, "User": i.User},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer))}},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{
		{"Config": "config.json", "RepoTags": []string{i.Name}, "Layers": []string{"layer.tar"}},
	})
	if err != nil {
		return err
	}
	image, err := archive(file{"manifest.json", 0o644, manifest}, file{"config.json", 0o644, config}, file{"layer.tar", 0o644, layer})
	if err != nil {
		return err
	}
	return os.WriteFile(path, image, 0o600)
}

type file struct {
	name    string
	mode    int64
	content []byte
}

func archive(files ...file) ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0)}
		if err := writer.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}
