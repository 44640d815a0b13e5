#include <algorithm>

#include "base/text.h"
#include "measure/experiment.h"
#include "measure/experiment_parts.h"
#include "measure/wide.h"

namespace drst {

namespace {

struct Source {
  std::string name;
  WideSeries series;
};

}  // namespace

Experiment make_pcm_experiment(const Bundle& bundle, const PreprocessSettings& settings) {
  detail::Assembly assembly(bundle, settings);
  const WideOptions options = settings.wide_options();
  std::vector<Source> sources;
  std::string fingerprints;
  for (const auto& file : bundle.files) {
    const FileKind kind = kind_of_file(file.name, settings.vnfs);
    const bool pcie = kind.role == FileRole::pcm_pcie;
    if ((!pcie && kind.role != FileRole::pcm) || file.dirt.count(Dirt::too_large) > 0) continue;
    auto& dirt = assembly.dirt_of(file);
    Source source{kind.source,
                  pcie ? read_pcm_pcie(file.bytes, options, dirt) : read_pcm(file.bytes, options, dirt)};
    if (source.series.rows > 0) fingerprints += kind.source + " " + assembly.hash_of(file) + "\n";
    sources.push_back(std::move(source));
  }
  const auto has = [&](const std::string& name) {
    return std::any_of(sources.begin(), sources.end(),
                       [&](const auto& source) { return source.name == name; });
  };
  for (const auto& vnf : settings.vnfs)
    if (!has(vnf + "-pcm")) assembly.missing(Dirt::missing_vnf, vnf + "-pcm.csv");
  for (const char* name : {"rx-pcm", "tx-pcm", "pcm-memory", "pcm-pcie"})
    if (!has(name)) assembly.missing(Dirt::missing_file, std::string(name) + ".csv");
  if (const BundleFile* manager = assembly.find(FileRole::nf_out); manager != nullptr) {
    sources.push_back({"nf_out", read_nf_out(manager->bytes, options, assembly.dirt_of(*manager))});
  } else {
    assembly.missing(Dirt::missing_file, "nf_out.csv");
  }
  const auto sent = assembly.rates(FileRole::sent, "input_rate", "tx_stats.csv");
  const auto received = assembly.rates(FileRole::received, "output_rate", "rx_stats.csv");
  const auto latency = assembly.latency();
  assembly.look_at_the_rest();

  constexpr std::size_t unknown = ~std::size_t{0};
  std::size_t rows = unknown;
  std::string shortest;
  const auto take_length = [&](const std::string& name, std::size_t length) {
    if (length == 0 || length >= rows) return;
    rows = length;
    shortest = name;
  };
  const auto kpis = ChainSchema{}.kpis;
  const std::optional<std::vector<double>>* series[] = {&sent, &received, &latency};
  for (std::size_t i = 0; i < kpis.size(); ++i)
    if (*series[i]) take_length(kpis[i], (*series[i])->size());
  for (const auto& source : sources) take_length(source.name, source.series.rows);
  if (rows == unknown) rows = 0;
  assembly.provenance["rows"] = rows;
  assembly.provenance["shortest"] = shortest;
  std::vector<std::string> names;
  std::vector<std::vector<double>> columns;
  for (std::size_t i = 0; i < kpis.size(); ++i) {
    if (!*series[i]) continue;
    assembly.length(kpis[i], (*series[i])->size(), rows);
    names.push_back(kpis[i]);
    columns.push_back(detail::fitted(**series[i], rows));
  }
  for (auto& source : sources) {
    assembly.length(source.name, source.series.rows, rows);
    for (std::size_t i = 0; i < source.series.names.size(); ++i) {
      names.push_back(source.name + "_" + source.series.names[i]);
      columns.push_back(detail::fitted(source.series.columns[i], rows));
      source.series.columns[i] = {};
    }
  }
  names = distinct_names(std::move(names));
  Table table({}, rows);
  for (std::size_t i = 0; i < names.size(); ++i) table.add_column(std::move(names[i]), std::move(columns[i]));
  assembly.provenance["conflict_side"] = settings.conflict_side;
  return assembly.take(std::move(table), Table({}, rows), fingerprints);
}

}  // namespace drst
