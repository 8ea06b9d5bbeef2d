package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// output is the flag -o.
type output struct {
	format  string
	formats []string
}

func (o *output) addTo(cmd *cobra.Command, formats ...string) {
	o.formats = formats
	cmd.Flags().StringVarP(&o.format, "output", "o", "", "Output format: "+strings.Join(formats, ", ")+"; for people where left out.")
	// The flag exists: it was just made.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

func (o *output) check() error {
	if o.format != "" && !slices.Contains(o.formats, o.format) {
		return fmt.Errorf("--output %s is not known: use one of %s", o.format, strings.Join(o.formats, ", "))
	}
	return nil
}

// encoded reports whether a program reads the output, and not a person.
func (o *output) encoded() bool { return o.format == "json" || o.format == "yaml" }

// encode writes the value as JSON or YAML.
func (p *plugin) encode(o *output, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err == nil && o.format == "yaml" {
		data, err = yaml.JSONToYAML(data)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", o.format, err)
	}
	_, err = fmt.Fprintln(p.Out, strings.TrimRight(string(data), "\n"))
	return err
}

// table is what people read. Columns in lowercase are shown by -o wide alone.
type table struct {
	columns []string
	rows    [][]any
}

func (t *table) add(cells ...any) { t.rows = append(t.rows, cells) }

func (p *plugin) print(o *output, t *table) error {
	wide := o.format == "wide"
	printed := &metav1.Table{}
	for _, column := range t.columns {
		priority := int32(0)
		if column == strings.ToLower(column) {
			priority = 1
		}
		printed.ColumnDefinitions = append(printed.ColumnDefinitions, metav1.TableColumnDefinition{
			Name: column, Type: "string", Priority: priority,
		})
	}
	for _, row := range t.rows {
		printed.Rows = append(printed.Rows, metav1.TableRow{Cells: row})
	}
	return printers.NewTablePrinter(printers.PrintOptions{Wide: wide}).PrintObj(printed, p.Out)
}
