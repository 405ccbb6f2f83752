// pulumi-resource-command: stands in for the published plugin of @pulumi/command where that one cannot be downloaded.
// It has local.Command with the inputs and outputs of the published one that pgwright uses.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// version is set at link time to the version of @pulumi/command in package.json.
var version = "0.0.0"

// Command runs a program on this machine when the resource is created, updated or deleted.
type Command struct{}

func (c *Command) Annotate(a infer.Annotator) { a.SetToken("local", "Command") }

// Args are the inputs of local.Command.
type Args struct {
	Create                 *string           `pulumi:"create,optional"`
	Update                 *string           `pulumi:"update,optional"`
	Delete                 *string           `pulumi:"delete,optional"`
	Dir                    *string           `pulumi:"dir,optional"`
	Environment            map[string]string `pulumi:"environment,optional"`
	Interpreter            []string          `pulumi:"interpreter,optional"`
	Logging                *string           `pulumi:"logging,optional"`
	Stdin                  *string           `pulumi:"stdin,optional"`
	Triggers               []any             `pulumi:"triggers,optional"`
	AddPreviousOutputInEnv *bool             `pulumi:"addPreviousOutputInEnv,optional"`
}

// State is Args and what the last run printed.
type State struct {
	Args
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

func (*Command) Create(ctx context.Context, req infer.CreateRequest[Args]) (infer.CreateResponse[State], error) {
	state := State{Args: req.Inputs}
	id := fmt.Sprintf("%s%x", req.Name, time.Now().UnixNano())
	if req.DryRun {
		return infer.CreateResponse[State]{ID: id, Output: state}, nil
	}
	if err := state.run(ctx, req.Inputs.Create, State{}); err != nil {
		return infer.CreateResponse[State]{}, err
	}
	return infer.CreateResponse[State]{ID: id, Output: state}, nil
}

func (*Command) Update(ctx context.Context, req infer.UpdateRequest[Args, State]) (infer.UpdateResponse[State], error) {
	state := State{Args: req.Inputs, Stdout: req.State.Stdout, Stderr: req.State.Stderr}
	if req.DryRun {
		return infer.UpdateResponse[State]{Output: state}, nil
	}
	script := req.Inputs.Update
	if script == nil {
		script = req.Inputs.Create
	}
	if err := state.run(ctx, script, req.State); err != nil {
		return infer.UpdateResponse[State]{}, err
	}
	return infer.UpdateResponse[State]{Output: state}, nil
}

func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	state := req.State
	return infer.DeleteResponse{}, state.run(ctx, req.State.Delete, req.State)
}

// Diff replaces the resource for other triggers, as the published plugin does, and updates it for the rest.
func (*Command) Diff(_ context.Context, req infer.DiffRequest[Args, State]) (infer.DiffResponse, error) {
	diff := map[string]p.PropertyDiff{}
	olds, news := reflect.ValueOf(req.State.Args), reflect.ValueOf(req.Inputs)
	for i := range news.NumField() {
		if !reflect.DeepEqual(olds.Field(i).Interface(), news.Field(i).Interface()) {
			name, _, _ := strings.Cut(news.Type().Field(i).Tag.Get("pulumi"), ",")
			kind := p.Update
			if name == "triggers" {
				kind = p.UpdateReplace
			}
			diff[name] = p.PropertyDiff{Kind: kind, InputDiff: true}
		}
	}
	return infer.DiffResponse{HasChanges: len(diff) > 0, DetailedDiff: diff}, nil
}

func (s *State) run(ctx context.Context, script *string, previous State) error {
	if script == nil {
		return nil
	}
	interpreter := s.Interpreter
	if len(interpreter) == 0 {
		interpreter = []string{"/bin/sh", "-c"}
	}
	cmd := exec.CommandContext(ctx, interpreter[0], append(interpreter[1:], *script)...)
	cmd.Env = os.Environ()
	if s.AddPreviousOutputInEnv == nil || *s.AddPreviousOutputInEnv {
		cmd.Env = append(cmd.Env, "PULUMI_COMMAND_STDOUT="+previous.Stdout, "PULUMI_COMMAND_STDERR="+previous.Stderr)
	}
	for key, value := range s.Environment {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	if s.Dir != nil {
		cmd.Dir = *s.Dir
	}
	if s.Stdin != nil {
		cmd.Stdin = strings.NewReader(*s.Stdin)
	}
	var stdout, stderr logWriter
	if s.Logging == nil || *s.Logging == "stdoutAndStderr" || *s.Logging == "stdout" {
		stdout.log = func(line string) { p.GetLogger(ctx).Info(line) }
	}
	if s.Logging == nil || *s.Logging == "stdoutAndStderr" || *s.Logging == "stderr" {
		stderr.log = func(line string) { p.GetLogger(ctx).Info(line) }
	}
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	s.Stdout = strings.TrimSuffix(stdout.all.String(), "\n")
	s.Stderr = strings.TrimSuffix(stderr.all.String(), "\n")
	if err != nil {
		return fmt.Errorf("%w: running %q:\n%s%s", err, *script, s.Stdout, s.Stderr)
	}
	return nil
}

// logWriter keeps what a program prints and passes it on a line at a time.
type logWriter struct {
	all  strings.Builder
	rest string
	log  func(string)
}

func (w *logWriter) Write(b []byte) (int, error) {
	w.all.Write(b)
	if w.log != nil {
		w.rest += string(b)
		for {
			line, rest, found := strings.Cut(w.rest, "\n")
			if !found {
				break
			}
			w.log(line)
			w.rest = rest
		}
	}
	return len(b), nil
}

func main() {
	provider, err := infer.NewProviderBuilder().WithResources(infer.Resource(&Command{})).Build()
	if err == nil {
		err = provider.Run(context.Background(), "command", version)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
