#include "collect/nic_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/asking.h"
#include "collect/columns.h"
#include "collect/rate.h"
#include "measure/wide.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Columns from the files of /sys/class/net/<interface>/statistics.
struct Counter {
  const char* column;
  const char* file;
  double scale;  ///< of what is counted
};
constexpr std::array<Counter, 8> counters{{{"rx_mbit", "rx_bytes", 8e-6},
                                           {"rx_pps", "rx_packets", 1},
                                           {"rx_dropped", "rx_dropped", 1},
                                           {"rx_errors", "rx_errors", 1},
                                           {"tx_mbit", "tx_bytes", 8e-6},
                                           {"tx_pps", "tx_packets", 1},
                                           {"tx_dropped", "tx_dropped", 1},
                                           {"tx_errors", "tx_errors", 1}}};

class NicSource final : public Source {
 public:
  NicSource(const SourceSpec& spec, const CollectSettings& settings, const NicPlaces& places)
      : name_("nic " + spec.interface),
        folder_(places.interfaces / spec.interface),
        patience_(settings.patience),
        columns_(spec, settings) {
    std::vector<std::string> known;
    for (std::size_t i = 0; i < counters.size(); ++i) known.emplace_back(counters[i].column);
    for (const auto& wanted : spec.columns)
      if (!spec.ethtool && std::find(known.begin(), known.end(), wanted) == known.end())
        throw InputError(spec.where + ": an interface has no column '" + wanted + "'" +
                         did_you_mean(wanted, known) + " (" + join(known) +
                         "; the driver's own with ethtool = true)");
    for (std::size_t i = 0; i < counters.size(); ++i) places_[i] = columns_.place(counters[i].column);
    names_ = columns_.names();
    if (spec.ethtool)
      driver_.emplace([ask = places.driver, interface = spec.interface](std::int64_t) {
        DriverAnswer answer;
        answer.statistics = ask(interface);
        answer.at_ns = monotonic_ns();
        return answer;
      });
  }

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return names_; }
  [[nodiscard]] bool knows_columns() const override {
    if (driver_ && columns_.all_wanted() && !driver_met_) {
      // Nobody has asked yet, perhaps: the driver is asked before the first tick.
      if (driver_->answered()) learn(driver_->take());
      if (!driver_met_) driver_->ask(0);
    }
    names_ = columns_.names();
    return !driver_ || !columns_.all_wanted() || driver_met_;
  }

  void ask(const Tick& tick) override {
    if (driver_) driver_->ask(answer_deadline_ns(tick, patience_));
    names_ = columns_.names();
  }
  [[nodiscard]] bool answered() const override { return !driver_ || driver_->answered(); }

  void take(const Tick&, std::span<double> values, std::span<double> shares) override {
    take_kernels(values, shares);
    if (!driver_) return;
    const auto answer = driver_->take();
    late_ = !answer;
    learn(answer);
    if (!answer) return;
    for (std::size_t i = 0; i < driver_places_.size(); ++i) {
      const double rate =
          driver_rates_[i].next(static_cast<double>(answer->statistics.values[i].second), answer->at_ns);
      if (driver_places_[i]) put(values, shares, *driver_places_[i], rate);
    }
  }

  [[nodiscard]] SourceState state() const override {
    std::string driver = driver_words_;
    if (late_) driver = "the driver has not answered in time";
    return {present_, join_words({words_, driver, driver_met_ || !driver_ ? columns_.words() : ""})};
  }

 private:
  struct DriverAnswer {
    DriverStatistics statistics;
    std::int64_t at_ns = 0;
  };

  static void put(std::span<double> values, std::span<double> shares, std::size_t place, double value) {
    if (place >= values.size()) return;  // met just now; it has a place at the next tick
    values[place] = value;
    if (!std::isnan(value)) shares[place] = 1;  // the hardware counts all the time
  }

  [[nodiscard]] std::optional<double> number_in(const std::filesystem::path& file) const {
    try {
      const auto text = read_file_if_exists(file, 4096);
      return text ? parse_double(trim(*text)) : std::nullopt;
    } catch (const Error&) {  // it went away while it was read
      return std::nullopt;
    }
  }

  void take_kernels(std::span<double> values, std::span<double> shares) {
    // An interface that was made anew under the same name counts from somewhere else.
    const auto index = number_in(folder_ / "ifindex");
    if (index != index_)
      for (auto& rate : rates_) rate.forget();
    index_ = index;
    std::vector<std::string> lacking;
    for (std::size_t i = 0; i < counters.size(); ++i) {
      if (!places_[i]) continue;
      const auto count = number_in(folder_ / "statistics" / counters[i].file);
      if (!count) lacking.emplace_back(counters[i].column);
      const double rate = rates_[i].next(count.value_or(nan), monotonic_ns());
      put(values, shares, *places_[i], rate * counters[i].scale);
    }
    present_ = index && lacking.empty();
    words_ = !index ? "there is no such interface" : lacking.empty() ? "" : "not there: " + join(lacking);
  }

  /// Which columns the driver has. Its list may change with its queues.
  void learn(const std::optional<DriverAnswer>& answer) const {
    if (!answer) return;
    driver_words_ = answer->statistics.words;
    driver_met_ = true;
    std::vector<std::string> names;
    names.reserve(answer->statistics.values.size());
    for (const auto& [name, value] : answer->statistics.values) names.push_back(name);
    if (names == driver_names_) return;
    driver_names_ = names;
    // The kernel's columns come first: a driver's rx_errors beside them is rx_errors.1.
    for (std::size_t i = 0; i < counters.size(); ++i)
      names.insert(names.begin() + static_cast<std::ptrdiff_t>(i), counters[i].column);
    names = distinct_names(std::move(names));
    names.erase(names.begin(), names.begin() + counters.size());
    driver_places_.clear();
    for (const auto& name : names)
      driver_places_.push_back(name.empty() ? std::nullopt : columns_.place(name));
    driver_rates_.assign(names.size(), {});
  }

  std::string name_;
  std::filesystem::path folder_;
  double patience_;
  std::array<std::optional<std::size_t>, counters.size()> places_;
  std::array<CounterRate, counters.size()> rates_;
  std::optional<double> index_;
  bool present_ = false, late_ = false;
  std::string words_;
  // Learned while columns are waited for, which changes nothing that anybody could see before.
  mutable ColumnSet columns_;
  mutable std::vector<std::string> names_;
  mutable std::optional<Asking<DriverAnswer>> driver_;
  mutable std::vector<std::string> driver_names_;
  mutable std::vector<std::optional<std::size_t>> driver_places_;
  mutable std::vector<CounterRate> driver_rates_;
  mutable bool driver_met_ = false;
  mutable std::string driver_words_;
};

}  // namespace

std::unique_ptr<Source> make_nic_source(const SourceSpec& spec, const CollectSettings& settings,
                                        const NicPlaces& places) {
  return std::make_unique<NicSource>(spec, settings, places);
}

std::unique_ptr<Source> make_nic_source(const SourceSpec& spec, const CollectSettings& settings) {
  return make_nic_source(spec, settings, NicPlaces{});
}

}  // namespace drst
