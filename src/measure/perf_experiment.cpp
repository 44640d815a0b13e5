#include <algorithm>
#include <cmath>
#include <optional>

#include "measure/experiment.h"
#include "measure/experiment_parts.h"
#include "measure/lag.h"
#include "measure/perf_series.h"

namespace drst {

namespace {

struct Vnf {
  std::string name;
  PerfSeries series;
};

/// The counters' columns, event by event; PMUs apart come after the event they belong to.
struct Counter {
  std::string name;
  const PerfColumn* column = nullptr;  ///< null: the bundle lacks it
};

std::vector<Counter> counters_of(const std::vector<Vnf>& vnfs, const std::vector<std::string>& events) {
  std::vector<Counter> counters;
  for (const auto& event : events) {
    for (const auto& vnf : vnfs) {
      std::size_t found = 0;
      for (const auto& column : vnf.series.columns) {
        if (column.event != event && !(column.event.ends_with("/" + event + "/"))) continue;
        counters.push_back({vnf.name + "_" + column.event, &column});
        ++found;
      }
      if (found == 0) counters.push_back({vnf.name + "_" + event, nullptr});
    }
  }
  return counters;
}

/// How far each VNF's first counter is out of step with each KPI, where that can be told.
void note_lags(const std::vector<Vnf>& vnfs, const Table& table, nlohmann::ordered_json& provenance) {
  const std::size_t whole[] = {0};
  for (const auto& vnf : vnfs) {
    if (vnf.series.columns.empty()) continue;
    const std::string counter = vnf.name + "_" + vnf.series.columns.front().event;
    const auto column = table.find(counter);
    if (!column) continue;
    for (const auto& kpi : ChainSchema{}.kpis) {
      const auto lag = estimate_lag(table.column(*column), table.column(std::string_view(kpi)), whole);
      if (!lag) continue;
      provenance["lags"][counter][kpi] = {
          {"rows", lag->rows}, {"correlation", lag->correlation}, {"pairs", lag->pairs}};
    }
  }
}

void note_events(const std::vector<Vnf>& vnfs, nlohmann::ordered_json& provenance) {
  for (const auto& vnf : vnfs) {
    for (const auto& column : vnf.series.columns)
      if (column.spelled != std::vector{column.event})
        provenance["events"][vnf.name][column.event] = column.spelled;
    if (!vnf.series.left_out.empty()) provenance["events_left_out"][vnf.name] = vnf.series.left_out;
  }
}

std::optional<double> mean_share(const PerfColumn& column, std::size_t rows) {
  double sum = 0;
  std::size_t known = 0;
  for (std::size_t row = 0; row < std::min(rows, column.shares.size()); ++row) {
    if (std::isnan(column.shares[row])) continue;
    sum += column.shares[row];
    ++known;
  }
  if (known == 0) return std::nullopt;
  return std::round(sum / static_cast<double>(known) * 1e4) / 1e4;
}

}  // namespace

Experiment make_perf_experiment(const Bundle& bundle, const PreprocessSettings& settings) {
  detail::Assembly assembly(bundle, settings);
  std::vector<Vnf> vnfs;
  std::string fingerprints;
  for (const auto& name : settings.vnfs) {
    vnfs.push_back({name, {}});
    const BundleFile* file = assembly.find(FileRole::counters, name);
    if (file == nullptr) {
      assembly.missing(Dirt::missing_vnf, name + ".csv");
      continue;
    }
    vnfs.back().series = read_perf(file->bytes, settings.perf_options(), assembly.dirt_of(*file));
    const auto& columns = vnfs.back().series.columns;
    for (const auto& event : settings.events)
      if (!file->bytes.empty() && std::none_of(columns.begin(), columns.end(), [&](const auto& column) {
            return column.event == event || column.event.ends_with("/" + event + "/");
          }))
        assembly.dirt_of(*file).add(Dirt::missing_event);
    if (!columns.empty()) fingerprints += name + " " + assembly.hash_of(*file) + "\n";
  }
  const auto sent = assembly.rates(FileRole::sent, "input_rate", "tx_stats.csv");
  const auto received = assembly.rates(FileRole::received, "output_rate", "rx_stats.csv");
  auto latency = assembly.latency();
  if (const BundleFile* manager = assembly.find(FileRole::nf_out); manager != nullptr)
    (void)read_nf_out(manager->bytes, settings.wide_options(), assembly.dirt_of(*manager));
  assembly.look_at_the_rest();

  const auto counters = counters_of(vnfs, settings.events);
  std::size_t rows = 0;
  auto& anchor = assembly.provenance["anchor"];
  const auto wanted = std::find_if(counters.begin(), counters.end(), [&](const auto& counter) {
    return counter.name == settings.anchor && counter.column != nullptr && counter.column->length > 0;
  });
  const auto from = [&](const char* series, std::size_t length) {
    rows = length;
    anchor["series"] = series;
    anchor["fallback"] = true;
  };
  if (wanted != counters.end()) {
    rows = wanted->column->length;
    anchor["series"] = settings.anchor;
    anchor["fallback"] = false;
  } else if (sent && !sent->empty()) {
    from("input_rate", sent->size());
  } else if (received && !received->empty()) {
    from("output_rate", received->size());
  } else if (latency) {
    from("latency", latency->size());
  } else {
    from("none", 0);
  }
  assembly.provenance["rows"] = rows;
  if (latency) {
    const auto set = static_cast<std::size_t>(settings.latency_probes_per_row);
    const std::size_t each = set > 0 ? set : probes_per_row(latency->size(), rows);
    assembly.provenance["latency"]["probes_per_row"] = each;
    latency = last_of_each(*latency, each);
  }
  for (const auto& vnf : vnfs) {
    if (vnf.series.columns.empty()) continue;
    std::size_t length = 0;
    for (const auto& column : vnf.series.columns) length = std::max(length, column.length);
    assembly.length(vnf.name, length, rows);
  }
  Table table({}, rows);
  Table quality({}, rows);
  const auto kpis = ChainSchema{}.kpis;
  const std::optional<std::vector<double>>* series[] = {&sent, &received, &latency};
  for (std::size_t i = 0; i < kpis.size(); ++i) {
    const std::vector<double> none;
    const auto& values = *series[i] ? **series[i] : none;
    if (*series[i]) assembly.length(kpis[i], values.size(), rows);
    table.add_column(kpis[i], detail::fitted(values, rows));
  }
  auto& shares = assembly.provenance["scheduled_share"] = nlohmann::ordered_json::object();
  for (const auto& counter : counters) {
    const std::vector<double> none;
    table.add_column(counter.name,
                     detail::fitted(counter.column != nullptr ? counter.column->counts : none, rows));
    if (counter.column == nullptr) continue;
    const auto share = mean_share(*counter.column, rows);
    if (!share) continue;
    shares[counter.name] = *share;
    quality.add_column(counter.name, detail::fitted(counter.column->shares, rows));
  }
  note_events(vnfs, assembly.provenance);
  note_lags(vnfs, table, assembly.provenance);
  assembly.provenance["conflict_side"] = settings.conflict_side;
  return assembly.take(std::move(table), std::move(quality), fingerprints);
}

}  // namespace drst
