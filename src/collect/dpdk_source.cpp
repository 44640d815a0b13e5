#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/text.h"
#include "collect/asking.h"
#include "collect/columns.h"
#include "collect/dpdk_client.h"
#include "collect/rate.h"
#include "collect/source.h"

namespace drst {

namespace {

struct Counter {
  const char* column;
  const char* key;  ///< of /ethdev/stats
  double scale;
};
constexpr std::array<Counter, 8> counters{{{"rx_mbit", "ibytes", 8e-6},
                                           {"tx_mbit", "obytes", 8e-6},
                                           {"rx_pps", "ipackets", 1},
                                           {"tx_pps", "opackets", 1},
                                           {"rx_missed", "imissed", 1},
                                           {"rx_errors", "ierrors", 1},
                                           {"tx_errors", "oerrors", 1},
                                           {"rx_nombuf", "rx_nombuf", 1}}};

bool is_usual(const std::string& column) {
  return std::any_of(counters.begin(), counters.end(),
                     [&](const Counter& counter) { return column == counter.column; });
}

struct DpdkAnswer {
  DpdkValues stats, xstats;
  std::int64_t at_ns = 0, pid = 0;
  std::string words;  ///< why there is none
};

class DpdkSource final : public Source {
 public:
  DpdkSource(const SourceSpec& spec, const CollectSettings& settings)
      : name_("dpdk " + (spec.name.empty() ? "port" + to_text(spec.port) : spec.name)),
        patience_(settings.patience),
        columns_(spec, settings),
        asking_(question(spec, settings)) {
    // Their names are known, so that a row has its columns before the socket is there.
    for (const auto& counter : counters)
      if (const auto place = columns_.place(counter.column))
        measured_.emplace_back(counter.key, Measured{*place, counter.scale, false, {}});
    for (const auto& column : spec.columns)
      if (!is_usual(column)) extended_.push_back(column);
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_.names(); }

  void ask(const Tick& tick) override { asking_.ask(answer_deadline_ns(tick, patience_)); }
  [[nodiscard]] bool answered() const override { return asking_.answered(); }

  void take(const Tick&, std::span<double> values, std::span<double> shares) override {
    const auto answer = asking_.take();
    present_ = answer && answer->words.empty();
    words_ = answer ? answer->words : "no answer in time";
    if (!present_) return;
    if (answer->pid != pid_)  // another process, whose counts may be larger all the same
      for (auto& [key, measured] : measured_) measured.rate.forget();
    pid_ = answer->pid;
    for (const auto& column : extended_) {
      if (std::any_of(measured_.begin(), measured_.end(),
                      [&](const auto& one) { return one.first == column; }))
        continue;
      const bool there = std::any_of(answer->xstats.begin(), answer->xstats.end(),
                                     [&](const auto& value) { return value.first == column; });
      if (const auto place = there ? columns_.place(column) : std::nullopt)
        measured_.emplace_back(column, Measured{*place, 1, true, {}});
    }
    for (auto& [key, measured] : measured_) {
      const DpdkValues& from = measured.extended ? answer->xstats : answer->stats;
      const auto found = std::find_if(from.begin(), from.end(),
                                      [&, &name = key](const auto& value) { return value.first == name; });
      const double count = found == from.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
      const double rate = measured.rate.next(count, answer->at_ns) * measured.scale;
      values[measured.place] = rate;
      if (!std::isnan(rate)) shares[measured.place] = 1;
    }
  }

  [[nodiscard]] SourceState state() const override {
    return {present_, join_words({words_, present_ ? columns_.words() : ""})};
  }

 private:
  struct Measured {
    std::size_t place;
    double scale;
    bool extended;
    CounterRate rate;
  };

  static std::function<DpdkAnswer(std::int64_t)> question(const SourceSpec& spec,
                                                          const CollectSettings& settings) {
    const bool extended =
        std::any_of(spec.columns.begin(), spec.columns.end(), [](const auto& c) { return !is_usual(c); });
    const auto client =
        std::make_shared<DpdkClient>(spec.socket, static_cast<std::size_t>(settings.max_answer_bytes));
    return [client, extended, port = to_text(spec.port)](std::int64_t deadline_ns) {
      DpdkAnswer answer;
      auto stats = client->ask("/ethdev/stats," + port, deadline_ns);
      answer.at_ns = monotonic_ns();
      if (stats && extended) {
        auto xstats = client->ask("/ethdev/xstats," + port, deadline_ns);
        if (xstats) {
          answer.xstats = std::move(*xstats);
        } else {
          stats = tl::unexpected(xstats.error());
        }
      }
      if (stats) {
        answer.stats = std::move(*stats);
      } else {
        answer.words = stats.error().reason;
      }
      answer.pid = client->pid();
      return answer;
    };
  }

  std::string name_;
  double patience_;
  ColumnSet columns_;
  std::vector<std::pair<std::string, Measured>> measured_;  ///< by key of the answer
  std::vector<std::string> extended_;                       ///< wanted columns that are none of the usual
  std::int64_t pid_ = 0;
  bool present_ = false;
  std::string words_;
  Asking<DpdkAnswer> asking_;
};

}  // namespace

std::unique_ptr<Source> make_dpdk_source(const SourceSpec& spec, const CollectSettings& settings) {
  return std::make_unique<DpdkSource>(spec, settings);
}

}  // namespace drst
