#include "learn/offline.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "learn/model.h"
#include "learn/row_weights.h"
#include "learn/select.h"
#include "learn/split.h"

namespace drst {
namespace {

/// Every setting by name, as text: part of the lineage, and what tells two trainings apart.
class SettingsAsText final : public SettingsVisitor {
 public:
  std::map<std::string, std::string> values;
  void visit(std::string_view key, bool& value, const SettingNote&) override {
    values[name(key)] = value ? "true" : "false";
  }
  void visit(std::string_view key, int64_t& value, const SettingNote&) override {
    values[name(key)] = to_text(value);
  }
  void visit(std::string_view key, double& value, const SettingNote&) override {
    values[name(key)] = to_text(value);
  }
  void visit(std::string_view key, std::string& value, const SettingNote&) override {
    values[name(key)] = value;
  }
  void visit(std::string_view key, std::vector<int64_t>& value, const SettingNote&) override {
    values[name(key)] = list(value);
  }
  void visit(std::string_view key, std::vector<double>& value, const SettingNote&) override {
    values[name(key)] = list(value);
  }
  void visit(std::string_view key, std::vector<std::string>& value, const SettingNote&) override {
    values[name(key)] = join(value);
  }
  void visit(std::string_view key, std::vector<std::vector<int64_t>>& value, const SettingNote&) override {
    std::vector<std::string> parts;
    parts.reserve(value.size());
    for (const auto& part : value) parts.push_back("[" + list(part) + "]");
    values[name(key)] = join(parts);
  }
  void visit(std::string_view key, std::map<std::string, std::string>& value, const SettingNote&) override {
    for (const auto& [part, text] : value) values[name(key) + "." + part] = text;
  }

 private:
  static std::string name(std::string_view key) { return "model." + std::string(key); }
  template <class T>
  static std::string list(const std::vector<T>& values) {
    std::vector<std::string> parts;
    parts.reserve(values.size());
    for (const T value : values) parts.push_back(to_text(value));
    return join(parts);
  }
};

std::map<std::string, std::string> as_text(ModelSettings settings) {
  SettingsAsText visitor;
  describe(visitor, settings);
  visitor.values.erase("model.targets");  // of a training there is one, and the release names it
  return std::move(visitor.values);
}

std::string target_of(const ModelSettings& settings, const OfflineOptions& options) {
  return options.target.empty() ? settings.targets.at(0) : options.target;
}

Split split_of(const Dataset& data, const ModelSettings& settings) {
  Split split = split_last(data.starts, data.rows(), settings.validation_share,
                           static_cast<std::size_t>(settings.gap_rows));
  if (split.train.empty() || split.validation.empty())
    throw InputError("training needs rows on both sides of the split: " + to_text(split.train.size()) +
                     " to train on, " + to_text(split.validation.size()) + " to validate on");
  return split;
}

/// What training would find out later, and could not tell of which table.
void check_inputs(const Dataset& data, const ModelSettings& settings, const std::string& source) {
  try {
    (void)need_features(data, split_of(data, settings).train, static_cast<std::size_t>(settings.features));
  } catch (const InputError& error) {
    throw InputError(source + ": " + error.what() + "; another table is needed, or other training rows");
  }
}

Dataset read_rows(const Table& table, const ModelSettings& settings, const OfflineOptions& options) {
  const std::string target = target_of(settings, options);
  if (settings.ridge_penalties.empty())
    throw InputError("model.ridge_penalties is empty; give at least one penalty");
  if (!table.find(target))
    throw InputError(options.source + " has no column '" + target +
                     "', which is a target; set model.targets to KPIs that the table holds (columns: " +
                     join(table.names()).substr(0, 400) + ")");
  Dataset data =
      make_dataset(table, candidate_inputs(table, settings.kpis, target, settings.lags != "off"), target);
  if (data.rows() < static_cast<std::size_t>(settings.min_rows))
    throw InputError(options.source + " has only " + to_text(data.rows()) + " rows with a '" + target +
                     "' that is a finite single-precision number (of " + to_text(table.rows()) +
                     "); model.min_rows asks for " + to_text(settings.min_rows));
  if (data.without_target > 0)
    log::warning(options.source + ": " + to_text(data.without_target) + " rows without a finite '" + target +
                 "' are left out");
  if (!options.row_weights.empty()) {
    if (options.row_weights.size() != table.rows())
      throw InputError(options.source + " has " + to_text(table.rows()) + " rows, but weights of " +
                       to_text(options.row_weights.size()) + " were given");
    for (const std::size_t row : rows_with_target(table, target))
      data.weight.push_back(static_cast<float>(options.row_weights[row]));
  }
  check_inputs(data, settings, options.source);
  return data;
}

/// The release that `pointer` names, if it came from the same training.
std::optional<ReleaseInfo> existing_baseline(Registry& registry, const ReleaseInfo& wanted,
                                             const ObjectStore& store) {
  const auto pointer = registry.baseline();
  if (!pointer)
    throw FailedError("models/baseline.txt in " + store.url() + " cannot be read: " + pointer.error().reason);
  if (!*pointer) return std::nullopt;
  const auto info = registry.info((*pointer)->metrics_key);
  if (!info)
    throw FailedError("the baseline release in " + store.url() + " cannot be read: " + info.error().reason);
  const auto setting = [](const ReleaseInfo& release) {
    auto settings = release.settings;
    std::erase_if(settings, [](const auto& entry) { return entry.first.rfind("model.", 0) != 0; });
    return settings;
  };
  if (info->data_sha256 != wanted.data_sha256 || info->target != wanted.target || info->seed != wanted.seed ||
      setting(*info) != setting(wanted))
    throw InputError(store.url() +
                     " has a baseline model already, trained on other data or with other settings (" +
                     info->model_key + "); train into another store, or remove this one");
  return *info;
}

}  // namespace

void add_metrics(std::map<std::string, double>& figures, const std::string& prefix, const Metrics& metrics) {
  const std::pair<const char*, double> all[] = {{"n", static_cast<double>(metrics.n)},
                                                {"acc@0.15", metrics.acc015},
                                                {"acc@0.2", metrics.acc02},
                                                {"acc@0.25", metrics.acc025},
                                                {"mae", metrics.mae},
                                                {"rmse", metrics.rmse},
                                                {"e_p50", metrics.e_p50},
                                                {"e_p80", metrics.e_p80},
                                                {"e_p90", metrics.e_p90},
                                                {"e_p95", metrics.e_p95},
                                                {"e_p99", metrics.e_p99},
                                                {"bounded", metrics.bounded}};
  for (const auto& [name, value] : all)
    if (std::isfinite(value)) figures[prefix + name] = value;
}

void check_offline(const Table& table, const ModelSettings& settings, const OfflineOptions& options) {
  (void)read_rows(table, settings, options);
}

TrainedModel train_offline(const Table& table, const ModelSettings& settings, const OfflineOptions& options,
                           std::string* data_sha256) {
  const Dataset data = read_rows(table, settings, options);
  if (data_sha256 != nullptr) *data_sha256 = data_digest(data);
  const Split split = split_of(data, settings);
  return train_family(settings.family, data, split, settings, options.seed);
}

OfflineResult run_offline(const Table& table, const ModelSettings& settings, ObjectStore& store,
                          Registry& registry, const OfflineOptions& options) {
  ReleaseInfo info;
  info.target = target_of(settings, options);
  info.seed = options.seed;
  info.code_version = DRST_VERSION;
  info.settings = as_text(settings);

  OfflineResult result;
  const Dataset data = read_rows(table, settings, options);
  for (const auto& kpi : settings.kpis)
    if (!table.find(kpi))
      log::warning(options.source + ": no column '" + kpi +
                   "', though model.kpis names it; is it spelt right? Every "
                   "column that model.kpis does not name is a counter");
  info.data_sha256 = data_digest(data);
  info.labels = static_cast<int64_t>(data.rows());
  std::string onnx;
  if (auto existing = existing_baseline(registry, info, store)) {
    result.reused = true;
    result.baseline = *existing;
    result.validation = Scores(settings.epsilon).metrics();
    auto loaded = registry.load({existing->model_key, existing->metrics_key});
    if (!loaded)
      throw FailedError("the baseline model in " + store.url() + " cannot be used: " + loaded.error().reason);
    onnx = std::move(loaded->onnx);
    info = std::move(*existing);
  } else {
    const Split split = split_of(data, settings);
    TrainedModel trained = train_family(settings.family, data, split, settings, options.seed);
    result.validation = trained.validation;
    info.family = trained.family;
    info.inputs = trained.model->inputs();
    info.settings.merge(trained.settings);
    info.settings["source"] = options.source;
    add_metrics(info.metrics, "validation.", trained.validation);
    for (const auto& [family, metrics] : trained.families)
      add_metrics(info.metrics, "validation." + family + ".", metrics);
    std::map<std::string, std::string> metadata = metadata_of(trained);
    metadata["target"] = info.target;
    onnx = trained.model->to_onnx(metadata);

    const auto columns = candidate_inputs(table, settings.kpis, info.target, false);
    store.put("models/feature_cols.json", nlohmann::json(columns).dump(1) + "\n");
    store.put("models/selected_feats.json", nlohmann::json(info.inputs).dump(1) + "\n");
    info.role = "baseline";
    result.baseline = registry.publish(onnx, info);
    registry.set_baseline(result.baseline);
  }

  const auto pointer = registry.pointer();
  if (!pointer)
    throw FailedError("models/latest.txt in " + store.url() + " cannot be read: " + pointer.error().reason);
  if (*pointer) {
    auto live = registry.info((*pointer)->metrics_key);
    if (!live)
      throw FailedError("the live release in " + store.url() + " cannot be read: " + live.error().reason);
    result.first = std::move(*live);
    return result;
  }
  info.role = "offline";
  info.parent = result.baseline.model_key;
  result.first = registry.publish(onnx, info);
  registry.point_to(result.first, "offline", "first adaptive release: the baseline's weights");
  return result;
}

}  // namespace drst
