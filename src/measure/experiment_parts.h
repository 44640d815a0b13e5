// What both kinds of experiments are put together from. Internal to this room; keeps nlohmann out of public
// headers.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "measure/experiment.h"

namespace drst::detail {

/// Collects a bundle's parts: dirt, provenance, KPIs.
class Assembly {
 public:
  Assembly(const Bundle& bundle, const PreprocessSettings& settings);

  /// The first file of `role` (and source); null, and counted, if there is none or it was too large.
  const BundleFile* find(FileRole role, std::string_view source = {}) const;
  FileDirt& dirt_of(const BundleFile& file) { return dirt_[file.shown]; }
  /// A file that should be there.
  void missing(Dirt kind, const std::string& name) { dirt_[bundle_.shown + "/" + name].add(kind); }
  /// input_rate (role sent) or output_rate (received); nullopt without a file.
  std::optional<std::vector<double>> rates(FileRole role, const char* kpi, const char* file_name);
  /// latency.csv, else an older one.
  std::optional<std::vector<double>> latency();
  /// Files that were read for nothing but their dirt, or not at all.
  void look_at_the_rest();
  /// `length` of `series`, cut or padded to `rows`.
  void length(const std::string& series, std::size_t length, std::size_t rows);
  /// Of the file's bytes, computed once.
  const std::string& hash_of(const BundleFile& file);
  Experiment take(Table table, Table quality, const std::string& counters);

  nlohmann::ordered_json provenance;

 private:
  const Bundle& bundle_;
  const PreprocessSettings& settings_;
  std::map<std::string, FileDirt> dirt_;
  std::map<const BundleFile*, std::string> hashes_;
  std::vector<FileKind> kinds_;  ///< by file
};

/// `values` as a column of `rows`.
std::vector<double> fitted(std::span<const double> values, std::size_t rows);

nlohmann::ordered_json to_json(const std::string& file, const FileDirt& dirt);

}  // namespace drst::detail
