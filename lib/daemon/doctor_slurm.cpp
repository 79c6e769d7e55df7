#include "lib/daemon/doctor_slurm.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>

#include "lib/base/account.hpp"
#include "lib/base/error.hpp"
#include "lib/base/suggest.hpp"
#include "lib/night/program_output.hpp"
#include "lib/night/slurm_client.hpp"

namespace alisio::daemon {
namespace fs = std::filesystem;
namespace {

/// Slurm's programs try for a while themselves, s.
constexpr double patience_s = 20;
constexpr double megabyte = 1e6, gigabyte = 1e9;

class SlurmLook {
 public:
  explicit SlurmLook(const config::Configuration& configuration)
      : configuration_(configuration), programs_(configuration.path("slurm.programs")) {}

  std::vector<Finding> look() {
    if (look_at_controller()) {
      look_at_partition();
      look_at_arrays();
    }
    if (look_at_accounting()) look_at_account();
    return std::move(findings_);
  }

 private:
  [[nodiscard]] night::ProgramOutput ask(const std::string& program,
                                         std::vector<std::string> words) const {
    words.insert(words.begin(), programs_.empty() ? program : (programs_ / program).string());
    return night::run_program(words, patience_s);
  }
  void add(const std::string& check, Health health, std::string text, std::string remedy) {
    findings_.push_back({check, health, std::move(text), std::move(remedy)});
  }

  bool look_at_controller() {
    const night::ProgramOutput said = ask("scontrol", {"ping"});
    const bool answers = said.exit_code == 0 && !said.timed_out;
    add("Slurm", answers ? Health::ok : Health::fail,
        said.exit_code == 127 ? "scontrol cannot be executed"
        : answers             ? "its controller answers"
                              : "scontrol ping gets no answer",
        answers
            ? ""
            : "see that slurmctld runs, SLURM_CONF is right and slurm.programs names its folder");
    return answers;
  }

  /// What sinfo says of the nodes of one partition that are in one state.
  struct Nodes {
    std::string partition, state;
    bool is_default = false, up = false;
    int count = 0;
    double memory_bytes = 0;
  };

  [[nodiscard]] std::vector<Nodes> nodes() const {
    std::vector<Nodes> all;
    std::istringstream lines(ask("sinfo", {"--noheader", "--format=%R|%P|%a|%D|%T|%m"}).out);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream parts(line);
      Nodes nodes;
      std::string marked, up, count, memory;
      for (std::string* part : {&nodes.partition, &marked, &up, &count, &nodes.state, &memory})
        std::getline(parts, *part, '|');
      nodes.is_default = marked.ends_with('*');
      nodes.up = up == "up";
      nodes.count = std::atoi(count.c_str());
      nodes.memory_bytes = std::strtod(memory.c_str(), nullptr) * megabyte;
      all.push_back(std::move(nodes));
    }
    return all;
  }

  void look_at_partition() {
    // Several may be named, of which Slurm takes the one that is free first.
    std::set<std::string> wanted, known;
    std::istringstream names(configuration_.text("slurm.partition"));
    for (std::string name; std::getline(names, name, ',');) wanted.insert(name);
    const std::vector<Nodes> all = nodes();
    for (const Nodes& one : all) known.insert(one.partition);
    for (const std::string& name : wanted)
      if (!known.contains(name))
        return add("Slurm partition", Health::fail,
                   fmt::format("there is no partition '{}' for this account", name),
                   fmt::format("set slurm.partition; known: {}", fmt::join(known, ", ")));
    int working = 0, others = 0;
    bool up = false;
    double largest = 0;
    std::string used;
    for (const Nodes& one : all) {
      if (wanted.empty() ? !one.is_default : !wanted.contains(one.partition)) continue;
      if (used.find(one.partition) == std::string::npos)
        used += (used.empty() ? "" : ", ") + one.partition;
      up = up || one.up;
      const bool works = one.state.starts_with("idle") || one.state.starts_with("mix") ||
                         one.state.starts_with("alloc") || one.state.starts_with("comp");
      // "idle*": it does not answer.
      (works && !one.state.ends_with('*') ? working : others) += one.count;
      if (works) largest = std::max(largest, one.memory_bytes);
    }
    if (used.empty())
      return add("Slurm partition", Health::fail, "there is no default partition",
                 fmt::format("set slurm.partition; known: {}", fmt::join(known, ", ")));
    const std::string text =
        fmt::format("{}: {}, {} node{} work, {} do not", used, up ? "up" : "not up", working,
                    working == 1 ? "" : "s", others);
    if (!up || working == 0)
      return add("Slurm partition", Health::fail, text, "see sinfo -R for the reasons");
    add("Slurm partition", Health::ok, text, "");
    const double limit = configuration_.number("slurm.memory_limit") * gigabyte;
    if (largest > 0 && limit > largest)
      add("memory of Slurm's nodes", Health::warn,
          fmt::format("slurm.memory_limit is {:.1f} GB, the largest node has {:.1f} GB",
                      limit / gigabyte, largest / gigabyte),
          "set slurm.memory_limit to what a node has, or name a larger partition");
  }

  void look_at_arrays() {
    const int limit = night::SlurmClient({.programs = programs_}).array_limit();
    const auto wanted = configuration_.integer("slurm.array_limit");
    add("Slurm arrays", limit > 1 ? Health::ok : Health::fail,
        fmt::format("at most {} tasks (MaxArraySize {}, slurm.array_limit {})",
                    std::min<std::int64_t>(wanted, limit), limit, wanted),
        limit > 1 ? "" : "raise MaxArraySize of slurm.conf");
  }

  bool look_at_accounting() {
    const night::ProgramOutput said = ask("sacct", {"-X", "-n", "-S", "now"});
    const bool answers = said.exit_code == 0 && !said.timed_out;
    add("Slurm accounting", answers ? Health::ok : Health::fail,
        answers                                          ? "sacct answers"
        : said.err.find("disabled") != std::string::npos ? "accounting is switched off"
                                                         : "sacct gets no answer",
        answers ? "" : "see that slurmdbd runs and AccountingStorageType is slurmdbd");
    return answers;
  }

  /// Look whether this user may charge the configured account.
  void look_at_account() {
    const std::string account = configuration_.text("slurm.account");
    if (account.empty()) return;
    const night::ProgramOutput said =
        ask("sacctmgr", {"--noheader", "--parsable2", "show", "associations",
                         "user=" + account_name(), "format=account"});
    if (said.exit_code != 0 || said.timed_out) return;
    std::vector<std::string> known;
    std::istringstream lines(said.out);
    for (std::string line; std::getline(lines, line);) known.push_back(line);
    const bool there = std::find(known.begin(), known.end(), account) != known.end();
    add("Slurm account", there ? Health::ok : Health::fail,
        there ? account
              : fmt::format("the accounting does not know {} of {}", account, account_name()),
        there ? "" : suggestion(account, known));
  }

  const config::Configuration& configuration_;
  fs::path programs_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> examine_slurm(const config::Configuration& configuration) {
  if (configuration.text("night.executor") != "slurm") return {};
  return SlurmLook(configuration).look();
}

}  // namespace alisio::daemon
