package house_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"countersign.dev/plugin"
)

// pluginCommands are the commands of kubectl countersign that do something.
func pluginCommands(of *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, command := range of.Commands() {
		if nested := pluginCommands(command); len(nested) > 0 {
			all = append(all, nested...)
		} else {
			all = append(all, command)
		}
	}
	return all
}

func TestEveryCommandOfThePluginSaysWhichRightsItNeedsAndIsDocumented(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "docs", "kubectl-plugin.md"))
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	commands := pluginCommands(plugin.New(plugin.Options{}))
	if len(commands) != 10 {
		t.Fatalf("there are %d commands", len(commands))
	}
	for _, command := range commands {
		name := strings.TrimPrefix(command.CommandPath(), "kubectl countersign ")
		if !strings.Contains(command.Long, "Rights: ") || command.Short == "" {
			t.Errorf("%s does not say which rights it needs", name)
		}
		if !strings.Contains(command.Example, "kubectl countersign "+name) {
			t.Errorf("%s shows no example", name)
		}
		if !strings.Contains(document, "`"+name+"`") {
			t.Errorf("docs/kubectl-plugin.md does not mention %s", name)
		}
		command.LocalNonPersistentFlags().VisitAll(func(flag *pflag.Flag) {
			mentioned := strings.Contains(document, "`--"+flag.Name) || strings.Contains(document, " --"+flag.Name+" ")
			if flag.Name == "help" || flag.Name == "output" || mentioned {
				return
			}
			t.Errorf("docs/kubectl-plugin.md does not mention --%s of %s", flag.Name, name)
		})
	}
}

// TestFlagsThatDocumentsGiveThePluginExist holds examples, in the documents and in --help, against the commands.
func TestFlagsThatDocumentsGiveThePluginExist(t *testing.T) {
	texts := []string{}
	for _, file := range []string{"README.md", "docs/kubectl-plugin.md"} {
		data, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(data))
	}
	commands := map[string]*cobra.Command{}
	for _, command := range pluginCommands(plugin.New(plugin.Options{})) {
		commands[strings.TrimPrefix(command.CommandPath(), "kubectl countersign ")] = command
		texts = append(texts, command.Example)
	}
	found := 0
	line := regexp.MustCompile(`kubectl countersign ([a-z-]+(?: new)?)((?:[^\n|)]|\\\n)*)`)
	for _, match := range line.FindAllStringSubmatch(strings.ReplaceAll(strings.Join(texts, "\n"), "\\\n", " "), -1) {
		command := commands[match[1]]
		if command == nil {
			t.Errorf("there is no command %q", match[1])
			continue
		}
		for _, flag := range regexp.MustCompile(` --([a-z-]+)`).FindAllStringSubmatch(match[2], -1) {
			found++
			if command.Flag(flag[1]) == nil {
				t.Errorf("%s has no --%s", match[1], flag[1])
			}
		}
	}
	if found < 15 {
		t.Fatalf("found %d flags only: does the expression still match them?", found)
	}
}
