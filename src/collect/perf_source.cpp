#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "collect/columns.h"
#include "collect/monotonic.h"
#include "collect/perf_counters.h"
#include "collect/processes.h"
#include "collect/source.h"
#include "table/table.h"

namespace drst {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t look_each_ns = 900'000'000;  // once a second, whatever the jitter of ticks

/// One for all sources of the thread that collects.
ProcessTable& process_table() {
  thread_local ProcessTable table;
  return table;
}

/// Counters of many threads are many files.
void allow_many_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<PerfEventChoice> choices_of(const SourceSpec& spec) {
  std::vector<PerfEventChoice> choices;
  const auto& events = spec.events.empty() ? ChainSchema{}.events : spec.events;
  std::size_t group = 0;
  try {
    for (const auto& entry : events) {
      bool leads = true;
      for (auto& event : parse_event_group(entry)) {
        auto codes = encode_event(event);
        choices.push_back({std::move(event), std::move(codes), group, leads});
        leads = false;
      }
      ++group;
    }
  } catch (const InputError& error) {
    throw InputError(spec.where + ": " + error.what());
  }
  return choices;
}

class PerfSource final : public Source {
 public:
  explicit PerfSource(const SourceSpec& spec) : spec_(spec), choices_(choices_of(spec)) {
    name_ = "perf " + (spec.vnf.empty() ? what() : spec.vnf);
    for (const auto& choice : choices_) columns_.push_back(column_prefix(spec) + choice.event);
    if (!spec.cpus.empty()) try {
        cpus_ = parse_cpus(spec.cpus);
        const auto online = online_cpus();
        for (const int cpu : cpus_)
          if (std::ranges::find(online, cpu) == online.end())
            throw InputError("CPU " + to_text(cpu) + " is not online on this machine");
      } catch (const InputError& error) {
        throw InputError(spec.where + ": " + error.what());
      }
    allow_many_files();
    look(monotonic_ns());
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }

  void take(const Tick& tick, std::span<double> values, std::span<double> shares) override {
    read(tick.interval_s, values, shares);
    const std::size_t before = counted_.size();
    drop_ended();
    // What came in the place of one that ended was not counted from its start.
    for (std::size_t event = 0; event < values.size(); ++event) {
      if (counted_.empty()) values[event] = missing;
      if (counted_.size() < before)
        shares[event] *= static_cast<double>(counted_.size()) / static_cast<double>(before);
    }
    look(monotonic_ns());
  }

  [[nodiscard]] SourceState state() const override {
    SourceState state;
    std::map<std::string, std::vector<std::string>> by_reason;
    bool user_only = false;
    for (const auto& one : counted_) {
      state.present = state.present || one.counters->any();
      user_only = user_only || one.counters->user_space_only();
      for (std::size_t event = 0; event < choices_.size(); ++event)
        if (const auto& why = one.counters->refusals()[event]; !why.empty()) {
          auto& events = by_reason[why];
          if (std::ranges::find(events, choices_[event].event) == events.end())
            events.push_back(choices_[event].event);
        }
    }
    std::vector<std::string> words;
    if (counted_.empty()) words.push_back(absent());
    if (counted_.size() > 1) words.push_back(to_text(counted_.size()) + " processes summed: " + pids());
    for (const auto& [why, events] : by_reason) words.push_back(join(events) + ": " + why);
    if (user_only) words.push_back("user space only: " + rights_);
    state.words = join(words, "; ");
    return state;
  }

 private:
  struct Counted {
    std::unique_ptr<ProcessWatch> watch;  // of processes
    ino_t folder = 0;                     // of control groups
    std::unique_ptr<PerfCounters> counters;
  };

  [[nodiscard]] std::string what() const {
    if (!spec_.process.empty()) return spec_.process;
    if (!spec_.pid_file.empty()) return spec_.pid_file;
    if (!spec_.cgroup.empty()) return "cgroup " + spec_.cgroup;
    if (!spec_.cpus.empty()) return "cpus " + spec_.cpus;
    return "pid " + to_text(spec_.pid);
  }

  [[nodiscard]] std::string pids() const {
    std::vector<std::string> list;
    for (const auto& one : counted_) list.push_back(to_text(one.watch->pid()));
    return join_first(list);
  }

  [[nodiscard]] std::string absent() const {
    if (!spec_.process.empty()) return "no process is named '" + spec_.process + "'";
    if (!spec_.pid_file.empty()) return spec_.pid_file + " names no running process";
    if (!spec_.cgroup.empty()) return "there is no control group '" + spec_.cgroup + "'";
    return what() + " is not there; a process that may be started again is found by process or pid_file";
  }

  void read(double interval_s, std::span<double> values, std::span<double> shares) {
    struct Sum {
      double count = 0, share = 0;
      std::size_t processes = 0, shared = 0;
      bool unknown = false;
    };
    std::vector<Sum> sums(choices_.size());
    std::vector<PerfCount> counts(choices_.size());
    for (const auto& one : counted_) {
      one.counters->read(interval_s, counts);
      for (std::size_t event = 0; event < counts.size(); ++event) {
        Sum& sum = sums[event];
        ++sum.processes;
        if (std::isnan(counts[event].count)) {
          sum.unknown = true;
          continue;
        }
        sum.count += counts[event].count;
        if (std::isnan(counts[event].share)) continue;
        sum.share += counts[event].share;
        ++sum.shared;
      }
    }
    for (std::size_t event = 0; event < sums.size(); ++event) {
      const Sum& sum = sums[event];
      if (sum.processes > 0 && !sum.unknown) values[event] = sum.count;
      shares[event] = sum.shared > 0 ? sum.share / static_cast<double>(sum.shared) : missing;
    }
  }

  void drop_ended() {
    std::erase_if(counted_, [&](const Counted& one) {
      if (one.watch) return !one.watch->running();
      return one.folder != 0 && one.folder != folder_id(cgroup_folder(spec_.cgroup));
    });
  }

  static ino_t folder_id(const std::string& folder) {
    struct stat facts {};
    return !folder.empty() && ::stat(folder.c_str(), &facts) == 0 ? facts.st_ino : 0;
  }

  void look(std::int64_t now_ns) {
    const bool may_change = !spec_.process.empty() || !spec_.pid_file.empty();
    if (!counted_.empty() && !may_change) return;
    if (looked_ns_ != 0 && now_ns - looked_ns_ < look_each_ns) return;
    looked_ns_ = now_ns;
    if (!spec_.cgroup.empty()) {
      const std::string folder = cgroup_folder(spec_.cgroup);
      if (!folder.empty())
        count({.cgroup_folder = folder, .cpus = online_cpus()}, nullptr, folder_id(folder));
    } else if (!cpus_.empty()) {
      count({.cpus = cpus_}, nullptr, 0);
    } else {
      for (const pid_t pid : wanted(now_ns)) count_process(pid);
    }
  }

  void count_process(pid_t pid) {
    if (std::ranges::any_of(counted_, [&](const Counted& one) { return one.watch->pid() == pid; })) return;
    auto watch = std::make_unique<ProcessWatch>(pid);
    if (!watch->running()) return;
    // A pid file that names another has a new owner, though the old one may still be at its last work.
    const bool by_name = !spec_.process.empty();
    if (!by_name) counted_.clear();
    // What a process of a name forks is found by its own name, and must not be counted twice.
    count({.processes = {pid}, .with_children = !by_name}, std::move(watch), 0);
  }

  [[nodiscard]] std::vector<pid_t> wanted(std::int64_t now_ns) const {
    if (!spec_.process.empty()) return process_table().named(spec_.process, now_ns);
    const pid_t pid =
        spec_.pid_file.empty() ? static_cast<pid_t>(spec_.pid) : process_of_file(spec_.pid_file);
    return pid > 0 ? std::vector<pid_t>{pid} : std::vector<pid_t>();
  }

  void count(const PerfTarget& target, std::unique_ptr<ProcessWatch> watch, ino_t folder) {
    counted_.push_back({std::move(watch), folder, std::make_unique<PerfCounters>(target, choices_)});
    if (counted_.back().counters->user_space_only() && rights_.empty()) rights_ = counting_rights();
  }

  const SourceSpec spec_;
  const std::vector<PerfEventChoice> choices_;
  std::string name_;
  std::vector<std::string> columns_;
  std::vector<int> cpus_;
  std::vector<Counted> counted_;
  std::int64_t looked_ns_ = 0;
  std::string rights_;  // where they are less than wanted; state() is asked at each tick
};

}  // namespace

std::unique_ptr<Source> make_perf_source(const SourceSpec& spec, const CollectSettings&) {
  return std::make_unique<PerfSource>(spec);
}

}  // namespace drst
