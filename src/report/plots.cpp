#include "report/plots.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "report/gnuplot.h"
#include "report/plot_scripts.h"
#include "table/npy.h"

namespace drst {

DriftSignal read_drift_signal(ObjectStore& store) {
  DriftSignal signal;
  const std::string key = "results/drift_signal.npz";
  const auto bytes = store.get(key);
  if (!bytes) return signal;
  const auto members = parse_npz(*bytes, key);
  const auto numbers = [&](const std::string& name) {
    std::vector<double> out;
    const auto found = members.find(name);
    if (found == members.end()) return out;
    std::visit(
        [&](const auto& values) {
          if constexpr (std::is_arithmetic_v<typename std::decay_t<decltype(values)>::value_type>)
            out.assign(values.begin(), values.end());
        },
        found->second.data);
    return out;
  };
  signal.row = numbers("row");
  signal.signal = numbers("signal");
  signal.threshold_a = numbers("threshold_A");
  signal.threshold_b = numbers("threshold_B");
  signal.threshold_c = numbers("threshold_C");
  signal.by_feature = numbers("by_feature");
  if (const auto found = members.find("features"); found != members.end())
    if (const auto* names = std::get_if<std::vector<std::string>>(&found->second.data))
      signal.features = *names;
  constexpr std::string_view recent = "recent_";
  std::vector<const std::vector<double>*> all = {&signal.signal, &signal.threshold_a, &signal.threshold_b,
                                                 &signal.threshold_c};
  for (const auto& [name, values] : members)
    if (const auto records = name.starts_with(recent) ? parse_int(name.substr(recent.size())) : std::nullopt)
      signal.recent.push_back({*records, numbers(name), numbers(name + "_threshold_A")});
  for (const auto& window : signal.recent) all.insert(all.end(), {&window.signal, &window.threshold_a});
  for (const auto* series : all)
    if (series->size() != signal.row.size()) {
      log::warning(key + ": members differ in length; the drift signal is left out of the report");
      return {};
    }
  return signal;
}

std::vector<Plot> draw_plots(const Summary& summary, const Series& series,
                             const std::vector<DriftSignal>& signals, const std::filesystem::path& folder) {
  const DriftSignal& signal = signals.at(0);
  struct Job {
    Plot plot;
    int width, height;
    std::string body;
  };
  const int heat_height = 160 + 13 * static_cast<int>(std::min<std::size_t>(signal.features.size(), 400));
  std::vector<Job> jobs = {
      {{"timeline", "The run over time",
        "Truth and both predictions, made at the time. Below, what happened: a retrain was published as a "
        "challenger, or "
        "refused with a reason; a tick is a refit published as a challenger, or a model swapped in because "
        "it was made "
        "live. Then accuracy over the last rows, and the drift signal of the whole window and of shorter "
        "ones with their "
        "thresholds."},
       1200,
       920,
       plots::timeline(summary, series, signal)},
      {{"accuracy", "Accuracy@0.2 by stage", "Share of rows predicted within 20 %; all rows count."},
       1200,
       400,
       plots::stage_bars(summary)},
      {{"error_cdf", "Error distribution by stage",
        "Solid: the adaptive model. Dashed: the frozen baseline. Further left and up is better."},
       1200,
       480,
       plots::error_cdf(summary, series)},
      {{"drift_heat", "What drifted",
        "Divergence of each counter from its baseline at each evaluation. Blue: an alarm. Dotted: a stage "
        "begins. A "
        "new baseline begins white."},
       1200,
       heat_height,
       plots::heat_map(summary, signal)},
      {{"resources", "Resources",
        "Seconds of CPU by component; CPU and memory of each process over its life, measured each half "
        "second."},
       1200,
       440,
       plots::resources(summary)},
  };
  for (std::size_t i = 0; i < summary.further.size(); ++i) {
    const Summary& other = summary.further[i];
    jobs.push_back({{"timeline-" + other.target, other.target + " over time", jobs.front().plot.caption},
                    jobs.front().width,
                    jobs.front().height,
                    plots::timeline(other, series.further.at(i), signals.at(i + 1))});
  }
  std::vector<Plot> drawn;
  for (const auto& job : jobs) {
    if (job.body.empty()) continue;
    const auto result = gnuplot(folder, job.plot.name, job.width, job.height, job.body);
    if (result) {
      drawn.push_back(job.plot);
    } else {
      log::warning(result.error().reason + "; the report goes without this picture");
    }
  }
  return drawn;
}

}  // namespace drst
