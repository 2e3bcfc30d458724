#include "cli/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pthread.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>

#include "cli/suggest.h"
#include "cli/verbs.h"
#include "config/suggest.h"
#include "config/value_types.h"

namespace weir::cli {
namespace {

constexpr const char* kAbout = "reverse proxy and load balancer";

constexpr std::string_view kOverview =
    "weir: reverse proxy and load balancer that reloads and drains without losing a connection\n"
    "\n"
    "  weir proxy --from :8080 --to 10.0.0.11:9000 --to 10.0.0.12:9000\n"
    "  weir run -c weir.yaml\n"
    "\n"
    "start    run, proxy\n"
    "inspect  status, healthcheck, explain\n"
    "change   check, test, plan, reload, config show, config defaults, schema\n"
    "stop     drain\n"
    "more     version, completion, man\n"
    "\n"
    "Every command has --help. Exit codes, signals, files: weir man | man -l -\n";

std::vector<std::string> balance_names() {
  return {
#define BALANCER(name, help) #name,
#include "config/balancers.def"
#undef BALANCER
  };
}

// Reads a duration with its unit into `value`. Returns the error for CLI11; empty: none.
std::string read_duration(const std::string& text, Duration& value,
                          const config::ValueType& type = config::types::positive_duration::type) {
  std::optional<config::Problem> problem = type.read(text, &value);
  if (!problem) return "";
  return problem->hint.empty() ? problem->message : problem->message + "; " + problem->hint;
}

class CommandLine {
 public:
  CommandLine();

  int run(int argc, char** argv, const sigset_t& before, const ClosedStreams& closed);
  CommandDescription describe() { return describe(app_); }

 private:
  using Action = std::function<int(const Console&)>;

  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& help, Action);
  void offer(CLI::Option*, std::vector<std::string> choices);
  void declare_start();
  void declare_config();
  void declare_routes();
  void declare_running();
  void declare_more();
  CommandDescription describe(const CLI::App&) const;
  OptionDescription describe(const CLI::Option&) const;
  int report(const std::string& message, const Console&) const;
  int needs_more(const CLI::App& chosen, const Console&) const;
  Target target() const { return {config_, admin_}; }

  CLI::App app_{kAbout, "weir"};
  std::map<const CLI::Option*, std::vector<std::string>> choices_;
  std::map<const CLI::App*, Action> actions_;

  std::string config_, admin_, color_ = "auto";
  bool quiet_ = false, version_ = false, json_ = false, reference_ = false;
  std::string file_, shell_;
  CheckOptions check_;
  ConfigOptions show_;
  ExplainOptions explain_;
  TestOptions test_;
  ReloadOptions reload_;
  bool wait_ = true;  // --wait is the default
  DrainOptions drain_;
  std::string duration_text_;  // as given; the value is in the options
  Duration ready_wait_{};
  StatusOptions status_;
  ProxyOptions proxy_;
  DemoBackendOptions demo_;
};

CLI::App* CommandLine::command(CLI::App& parent, const std::string& name, const std::string& help,
                               Action action) {
  CLI::App* sub = parent.add_subcommand(name, help);
  sub->fallthrough();
  sub->footer("Every command takes -c FILE, --admin ADDRESS, --color auto|never and -q, too.");
  if (action) actions_[sub] = std::move(action);
  return sub;
}

void CommandLine::offer(CLI::Option* option, std::vector<std::string> choices) {
  auto check = [choices](std::string& word) {
    if (std::ranges::find(choices, word) != choices.end()) return std::string();
    std::string meant =
        config::nearest(word, std::vector<std::string_view>(choices.begin(), choices.end()));
    return fmt::format("'{}' is not one of {}{}", word, fmt::join(choices, ", "),
                       meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant));
  };
  option->check(CLI::Validator(check, "", ""));
  option->type_name("NAME");
  choices_[option] = std::move(choices);
}

CommandLine::CommandLine() {
  app_.add_option("-c,--config", config_, "configuration file")->type_name("FILE");
  app_.add_option("--admin", admin_, "admin address: unix:/path or http://host:port")
      ->type_name("ADDRESS");
  offer(app_.add_option("--color", color_, "colours in the output"), {"auto", "never"});
  app_.add_flag("-q,--quiet", quiet_, "print no messages except errors");
  app_.add_flag("--version", version_, "print the version");
  declare_start();
  declare_config();
  declare_routes();
  declare_running();
  declare_more();
}

void CommandLine::declare_start() {
  command(app_, "run", "run in the foreground with a configuration file",
          [this](const Console& console) { return run_server_with(config_, console); });
  CLI::App* proxy =
      command(app_, "proxy", "run without a configuration file", [this](const Console& console) {
        proxy_.admin = admin_;
        return run_proxy(proxy_, console);
      });
  auto address_list = [&](const char* name, std::vector<std::string>& list, const char* help) {
    proxy->add_option(name, list, help)->type_name("ADDRESS")->required()->allow_extra_args(false);
  };
  address_list("--from", proxy_.from, "address to listen on; may be repeated");
  address_list("--to", proxy_.to, "backend to connect to; may be repeated");
  proxy->add_flag("--tcp", proxy_.tcp, "forward TCP instead of HTTP");
  offer(proxy->add_option("--balance", proxy_.balance, "algorithm that chooses a backend"),
        balance_names());
  proxy->add_option("--health", proxy_.health, "path for HTTP health checks of the backends")
      ->type_name("PATH");
  CLI::Option* cert = proxy->add_option("--tls-cert", proxy_.tls_cert,
                                        "use TLS with clients, with this certificate (PEM)");
  cert->type_name("FILE");
  proxy
      ->add_option("--tls-key", proxy_.tls_key,
                   "private key of the certificate, if it is in another file")
      ->type_name("FILE")
      ->needs(cert);
  CLI::Option* own = proxy->add_flag("--tls-self-signed", proxy_.tls_self_signed,
                                     "use TLS with a self-signed certificate, generated at the "
                                     "start; clients do not trust it");
  own->excludes(cert);
  proxy
      ->add_flag("--print-config", proxy_.print_config,
                 "print the equivalent configuration file, and exit")
      ->excludes(own);
}

void CommandLine::declare_config() {
  CLI::App* check =
      command(app_, "check", "validate a configuration file", [this](const Console& console) {
        check_.config = file_.empty() ? config_ : file_;
        return run_check(check_, console);
      });
  check->add_option("file", file_, "configuration file, instead of -c; -: standard input")
      ->type_name("FILE");
  check->add_flag("--strict", check_.strict, "treat warnings as errors");
  check->add_flag("--resolve", check_.resolve,
                  "look up the host names of backends; a failed lookup is a warning");
  check->add_flag("--show-env", check_.show_environment,
                  "list the environment variables that the file uses");
  offer(check->add_option("--format", check_.format, "format of the findings"),
        {"text", "json", "github"});
  CLI::App* config = command(app_, "config", "print configurations", nullptr);
  CLI::App* show = command(*config, "show", "print the configuration as weir reads it",
                           [this](const Console& console) {
                             show_.config = config_;
                             return run_config_show(show_, console);
                           });
  show->add_flag("--effective", show_.effective,
                 "include every default, and the source of each value");
  show->add_flag("--json", show_.json, "as JSON");
  command(*config, "defaults", "print every key with its default",
          [](const Console& console) { return run_config_defaults(console); });
  command(app_, "schema", "print the JSON Schema of the configuration file",
          [this](const Console& console) { return run_schema(reference_, console); })
      ->add_flag("--reference", reference_,
                 "print the reference of all keys, as Markdown, instead");
}

void CommandLine::declare_routes() {
  CLI::App* explain = command(app_, "explain", "show which route matches a request, and why",
                              [this](const Console& console) {
                                explain_.config = config_;
                                return run_explain(explain_, console);
                              });
  CLI::Option* url = explain->add_option("url", explain_.url,
                                         "URL or path of the request: http://host/path, /path");
  url->type_name("URL");
  explain->add_option("--host", explain_.host, "host of the request, as in the Host field")
      ->type_name("HOST");
  explain->add_option("--path", explain_.path, "path of the request (/); * with OPTIONS")
      ->type_name("PATH")
      ->excludes(url);
  explain->add_option("--method", explain_.method, "method of the request (GET)")
      ->type_name("METHOD");
  explain->add_option("--query", explain_.query, "query of the request: a=1&b=2")
      ->type_name("QUERY");
  explain
      ->add_option("--header", explain_.headers,
                   "header field of the request: 'name: value'; may be repeated")
      ->type_name("FIELD")
      ->allow_extra_args(false);
  explain->add_option("--listener", explain_.listener, "explain only this listener")
      ->type_name("NAME");
  explain->add_flag("--json", explain_.json, "as JSON");
  CLI::App* test = command(app_, "test", "test the routes with a file of requests and expectations",
                           [this](const Console& console) {
                             test_.config = config_;
                             return run_test(test_, console);
                           });
  test->add_option("file", test_.file, "file of requests and expectations")
      ->type_name("FILE")
      ->required();
}

void CommandLine::declare_running() {
  CLI::App* plan =
      command(app_, "plan", "print what a reload would change", [this](const Console& console) {
        return run_plan({target(), file_, json_}, console);
      });
  plan->add_flag("--json", json_, "as JSON");
  plan->add_option("file", file_, "configuration file to compare with the running configuration")
      ->type_name("FILE");
  CLI::App* reload = command(app_, "reload", "reload the configuration of the running weir",
                             [this](const Console& console) {
                               reload_.target = target();
                               return run_reload(reload_, console);
                             });
  CLI::Option* wait =
      reload->add_flag("--wait", wait_, "wait for the result and print it (default)");
  auto no_wait = [this](int64_t) { reload_.wait = false; };
  reload->add_flag_function("--no-wait", no_wait, "do not wait for the result")->excludes(wait);
  reload->add_flag("--dry-run", reload_.dry_run, "print what would change, and change nothing");
  reload->add_flag("--json", reload_.json, "as JSON");
  auto duration = [this](CLI::App* of, const char* name, const char* help, Duration& value) {
    auto read = [&value](std::string& text) { return read_duration(text, value); };
    CLI::Option* option = of->add_option(name, duration_text_, help);
    option->type_name("DURATION")->check(CLI::Validator(read, "", ""));
  };
  duration(reload, "--timeout", "time to wait for the answer (30s)", reload_.timeout);
  CLI::App* drain =
      command(app_, "drain", "accept no more connections, wait for sessions to end, exit",
              [this](const Console& console) {
                drain_.target = target();
                return run_drain(drain_, console);
              });
  auto drain_timeout = [this](std::string& text) {  // 0s, as in the file: at once
    return read_duration(text, drain_.timeout.emplace(), config::types::duration::type);
  };
  drain
      ->add_option("--timeout", duration_text_,
                   "close the remaining sessions after this time (drain.timeout)")
      ->type_name("DURATION")
      ->check(CLI::Validator(drain_timeout, "", ""));
  drain->add_flag("--watch", drain_.watch, "show the remaining sessions until weir exits");
  drain->add_flag("--json", drain_.json, "as JSON; with --watch one document for each change");
  CLI::App* status = command(app_, "status", "show listeners, backends and connections",
                             [this](const Console& console) {
                               status_.target = target();
                               return run_status(status_, console);
                             });
  status->add_flag("--json", status_.json, "as JSON");
  status->add_flag("--watch", status_.watch, "refresh every second");
  CLI::App* healthcheck = command(
      app_, "healthcheck", "exit 0 when weir is ready, 5 when not",
      [this](const Console& console) { return run_healthcheck(target(), ready_wait_, console); });
  duration(healthcheck, "--wait", "retry for this time", ready_wait_);
}

void CommandLine::declare_more() {
  command(app_, "version", "print the version", [this](const Console& console) {
    return run_version(json_, console);
  })->add_flag("--json", json_, "as JSON");
  CLI::App* completion = command(
      app_, "completion", "print completions for a shell",
      [this](const Console& console) { return run_completion(shell_, describe(app_), console); });
  offer(completion->add_option("shell", shell_, "the shell")->required(), {"bash", "zsh", "fish"});
  command(app_, "man", "print the manual page",
          [this](const Console& console) { return run_man(describe(app_), console); });
  CLI::App* demo =
      command(app_, "demo-backend", "a small server that answers with its name",
              [this](const Console& console) { return run_demo_backend(demo_, console); });
  demo->group("");
  demo->add_option("--listen", demo_.listen, "address to listen on")
      ->type_name("ADDRESS")
      ->required();
  demo->add_option("--name", demo_.name, "name in its answers")->type_name("NAME");
  demo->add_flag("--echo", demo_.echo, "send back every received byte instead");
  command(app_, "metrics-reference", "print the reference of all metrics",
          [](const Console& console) { return run_metrics_reference(console); })
      ->group("");
}

OptionDescription CommandLine::describe(const CLI::Option& option) const {
  OptionDescription description;
  for (const std::string& name : option.get_snames()) description.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) description.names.push_back("--" + name);
  if (option.get_positional()) description.positional = option.get_name();
  if (option.get_items_expected_max() > 0) description.value = option.get_type_name();
  if (auto found = choices_.find(&option); found != choices_.end())
    description.choices = found->second;
  description.help = option.get_description();
  return description;
}

CommandDescription CommandLine::describe(const CLI::App& app) const {
  CommandDescription description{app.get_name(), app.get_description(), {}, {}, {}};
  for (const CLI::Option* option : app.get_options([](const CLI::Option*) { return true; })) {
    bool shown = &app == &app_ || option != app.get_help_ptr();  // once, not with every command
    if (shown) description.options.push_back(describe(*option));
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) {
      description.hidden.push_back(sub->get_name());
    } else {
      description.commands.push_back(describe(*sub));
    }
  }
  return description;
}

int CommandLine::report(const std::string& message, const Console& console) const {
  std::string path = "weir";
  const CLI::App* at = &app_;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += " " + at->get_name();
  }
  console.report(fmt::format("{}\nTry '{} --help'.", message, path));
  return kUsage;
}

// `weir` alone prints the overview; a group of commands needs one of its commands.
int CommandLine::needs_more(const CLI::App& chosen, const Console& console) const {
  if (&chosen == &app_) {
    console.print(kOverview);
    return kOk;
  }
  std::vector<std::string> names;
  for (const CommandDescription& command : describe(chosen).commands) names.push_back(command.name);
  return report(
      fmt::format("'weir {}' needs one of: {}", chosen.get_name(), fmt::join(names, ", ")),
      console);
}

// Commands that are not servers have the default actions of signals, also of SIGPIPE.
void restore_signal_defaults(const sigset_t& before) {
  ::signal(SIGPIPE, SIG_DFL);
  ::signal(SIGXFSZ, SIG_DFL);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

int CommandLine::run(int argc, char** argv, const sigset_t& before, const ClosedStreams& closed) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  Console plain("never", false);
  if (auto message = unknown_word(describe(app_), arguments)) return report(*message, plain);
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    bool overview = app_.get_subcommands().empty();
    plain.print(overview ? std::string(kOverview) : app_.help());
    return plain.broken() ? kFailed : kOk;
  } catch (const CLI::ParseError& error) {
    return report(error.what(), plain);
  }
  Console console(color_, quiet_, closed);
  const CLI::App* chosen = &app_;
  while (!chosen->get_subcommands().empty()) chosen = chosen->get_subcommands().front();
  auto action = actions_.find(chosen);
  bool serves = chosen->get_name() == "run" || chosen->get_name() == "proxy";
  if (!serves) restore_signal_defaults(before);
  int code = version_                   ? run_version(false, console)
             : action == actions_.end() ? needs_more(*chosen, console)
                                        : action->second(console);
  return code == kOk && console.broken() ? kFailed : code;
}

}  // namespace

int run_command_line(int argc, char** argv, const sigset_t& before, const ClosedStreams& closed) {
  return CommandLine().run(argc, argv, before, closed);
}

CommandDescription describe_command_line() {
  return CommandLine().describe();
}

}  // namespace weir::cli
