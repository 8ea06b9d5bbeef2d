package node

import (
	"fmt"
	"os"
	"strings"
)

const (
	fileContainerd = "containerd.toml"
	fileKubelet    = "kubelet.yaml"
	fileProxy      = "kube-proxy.yaml"
	dirCNI         = "cni"
)

// containerdConfig takes its image store and sockets from where the sandbox has them. It pulls nothing. Not every root may have
// the kernel spare a process.
const containerdConfig = `version = 3
root = "DIR/containerd"
state = "/run/containerd"
[grpc]
address = "` + containerdSocket + `"
[plugins.'io.containerd.internal.v1.opt']
path = "DIR/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "SANDBOX"
[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
conf_dir = "DIR/cni"
use_internal_loopback = true
`

// cniConfig gives each pod an interface of its own that leads to the node, so that all of its traffic passes kube-proxy's rules.
const cniConfig = `{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [{
    "type": "ptp",
    "ipam": {"type": "host-local", "dataDir": "DIR/addresses", "ranges": [[{"subnet": "PODS"}]], "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
`

// kubeletConfig allows what the machine may lack, and nobody but us asks the kubelet anything. There is no DNS. The machine's disk
// may be nearly full: that is no reason to evict. Mounted Secrets follow within seconds.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://` + containerdSocket + `
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
protectKernelDefaults: true
makeIPTablesUtilChains: false
resolvConf: ""
volumePluginDir: DIR/` + dirVolumePlugins + `
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
evictionHard: {nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100
syncFrequency: 5s
`

// proxyConfig leaves alone what is the whole machine's. In a large cluster a node learns late which pods are about to end: this
// one up to 3 s late.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {kubeconfig: DIR/` + userProxy + kubeconfig + `}
hostnameOverride: ` + nodeName + `
clusterCIDR: PODS
conntrack: {maxPerCore: 0, min: 0}
nftables: {minSyncPeriod: 3s}
`

// writeConfigurations writes those of the programs that take no flags.
func (n *Node) writeConfigurations() error {
	if err := os.MkdirAll(n.path(dirCNI), 0o700); err != nil {
		return fmt.Errorf("making a directory for CNI: %w", err)
	}
	fill := strings.NewReplacer("DIR", n.config.Dir, "PODS", n.config.PodNetwork, "SANDBOX", n.config.Sandbox.Name)
	for name, text := range map[string]string{
		fileContainerd: containerdConfig, fileKubelet: kubeletConfig, fileProxy: proxyConfig, dirCNI + "/pods.conflist": cniConfig,
	} {
		if err := os.WriteFile(n.path(name), []byte(fill.Replace(text)), 0o600); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
