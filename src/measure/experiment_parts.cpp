#include "measure/experiment_parts.h"

#include <algorithm>
#include <limits>

#include "base/hash.h"
#include "base/text.h"

namespace drst {

std::string dirt_json(const std::string& file, const FileDirt& dirt) {
  return detail::to_json(file, dirt).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace detail {

nlohmann::ordered_json to_json(const std::string& file, const FileDirt& dirt) {
  nlohmann::ordered_json json;
  json["file"] = file;
  for (std::size_t i = 0; i < dirt_kinds; ++i) {
    const auto kind = static_cast<Dirt>(i);
    const auto& lines = dirt.of(kind);
    if (lines.count == 0) continue;
    auto& entry = json[std::string(drst::to_text(kind))];
    entry["count"] = lines.count;
    if (!lines.ranges.empty()) entry["lines"] = lines.ranges;
    if (lines.cut) entry["lines_cut"] = true;
  }
  return json;
}

std::vector<double> fitted(std::span<const double> values, std::size_t rows) {
  std::vector<double> column(values.begin(),
                             values.begin() + static_cast<std::ptrdiff_t>(std::min(rows, values.size())));
  column.resize(rows, std::numeric_limits<double>::quiet_NaN());
  return column;
}

Assembly::Assembly(const Bundle& bundle, const PreprocessSettings& settings)
    : bundle_(bundle), settings_(settings) {
  provenance["scenario"] = bundle.scenario;
  provenance["experiment"] = bundle.experiment;
  provenance["source"] = bundle.shown;
  for (const auto& file : bundle.files) {
    kinds_.push_back(kind_of_file(file.name, settings.vnfs));
    if (file.dirt.any()) dirt_[file.shown] = file.dirt;
  }
}

const BundleFile* Assembly::find(FileRole role, std::string_view source) const {
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    if (kinds_[i].role == role && (source.empty() || kinds_[i].source == source) &&
        bundle_.files[i].dirt.count(Dirt::too_large) == 0)
      return &bundle_.files[i];
  return nullptr;
}

std::optional<std::vector<double>> Assembly::rates(FileRole role, const char* kpi, const char* file_name) {
  const BundleFile* file = find(role);
  if (file == nullptr) {
    missing(Dirt::missing_file, file_name);
    return std::nullopt;
  }
  auto series = read_rates(file->bytes, settings_.rate_options(), dirt_of(*file));
  auto& entry = provenance["rates"][kpi];
  entry["file"] = file->name;
  entry["column"] = series.column;
  if (series.fallback) entry["fallback"] = true;
  entry["seconds"] = series.rates.size();
  return std::move(series.rates);
}

std::optional<std::vector<double>> Assembly::latency() {
  std::optional<LatencySeries> taken;
  for (const auto role : {FileRole::latency, FileRole::older_latency}) {
    const BundleFile* file = find(role);
    if (file == nullptr) continue;
    auto series = read_latency(file->bytes, settings_.latency_options(), dirt_of(*file));
    if (taken || series.values.empty()) continue;  // the older one beside it, or an empty one
    auto& entry = provenance["latency"];
    entry["file"] = file->name;
    entry["file_unit"] = series.unit;
    entry["why"] = series.reason;
    entry["table_unit"] = "us";
    entry["probes"] = series.values.size();
    taken = std::move(series);
  }
  if (!taken) {
    if (find(FileRole::latency) == nullptr && find(FileRole::older_latency) == nullptr)
      missing(Dirt::missing_file, "latency.csv");
    return std::nullopt;
  }
  return std::move(taken->values);
}

void Assembly::look_at_the_rest() {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const BundleFile& file = bundle_.files[i];
    if (kinds_[i].role == FileRole::hidden) {
      dirt_of(file).add(Dirt::ignored_file);
    } else if (kinds_[i].role == FileRole::unknown) {
      FileDirt ignored;
      const bool perf = !read_perf(file.bytes, settings_.perf_options(), ignored).columns.empty();
      dirt_of(file).add(perf ? Dirt::unknown_vnf : Dirt::ignored_file);
    }
  }
}

void Assembly::length(const std::string& series, std::size_t length, std::size_t rows) {
  if (length == rows) return;
  auto& entry = provenance["lengths"][series];
  entry["length"] = length;
  if (length > rows) {
    entry["rows_dropped"] = length - rows;
  } else {
    entry["rows_padded"] = rows - length;
  }
}

const std::string& Assembly::hash_of(const BundleFile& file) {
  std::string& hash = hashes_[&file];
  if (hash.empty()) hash = sha256_hex(file.bytes);
  return hash;
}

Experiment Assembly::take(Table table, Table quality, const std::string& counters) {
  Experiment made;
  auto& files = provenance["files"] = nlohmann::ordered_json::array();
  for (const auto& file : bundle_.files) {
    made.bytes += file.bytes.size();
    nlohmann::ordered_json entry;
    entry["file"] = file.name;
    entry["bytes"] = file.bytes.size();
    if (!file.bytes.empty()) entry["sha256"] = hash_of(file);
    files.push_back(std::move(entry));
  }
  auto& dirt = provenance["dirt"] = nlohmann::ordered_json::array();
  for (const auto& [file, notes] : dirt_) {
    if (!notes.any()) continue;
    dirt.push_back(to_json(file, notes));
    made.totals.add(notes);
    made.dirt.emplace_back(file, notes);
  }
  made.provenance = provenance.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
  made.fingerprint = counters.empty() ? "" : sha256_hex(counters);
  made.table = std::move(table);
  made.quality = std::move(quality);
  return made;
}

}  // namespace detail

}  // namespace drst
