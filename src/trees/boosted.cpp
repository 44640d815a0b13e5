#include "trees/boosted.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "trees/xgboost_library.h"

namespace drst {

namespace {

using trees::xgboost;

void must(int code) {
  if (code != 0)
    throw FailedError("boosted trees: xgboost says: " + std::string(xgboost().XGBGetLastError()));
}

class Matrix {
 public:
  explicit Matrix(const TrainRows& data, std::size_t inputs) {
    std::vector<float> x;  // without the columns that fill up a row
    x.reserve(data.rows * inputs);
    for (std::size_t r = 0; r < data.rows; ++r) {
      const float* row = data.x.data() + r * data.stride;
      x.insert(x.end(), row, row + inputs);
    }
    must(xgboost().XGDMatrixCreateFromMat(x.data(), data.rows, inputs, std::nanf(""), &handle_));
    must(xgboost().XGDMatrixSetFloatInfo(handle_, "label", data.target.data(), data.rows));
    must(xgboost().XGDMatrixSetFloatInfo(handle_, "weight", data.weight.data(), data.rows));
  }
  ~Matrix() { xgboost().XGDMatrixFree(handle_); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  [[nodiscard]] DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

class Booster {
 public:
  explicit Booster(const Matrix& matrix) : matrix_(matrix) {
    const DMatrixHandle handles[] = {matrix.handle()};
    must(xgboost().XGBoosterCreate(handles, 1, &handle_));
  }
  ~Booster() { xgboost().XGBoosterFree(handle_); }
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  void set(const char* key, const std::string& value) {
    must(xgboost().XGBoosterSetParam(handle_, key, value.c_str()));
  }
  void train(std::size_t rounds) {
    for (std::size_t i = 0; i < rounds; ++i) {
      throw_if_stopped();
      must(xgboost().XGBoosterUpdateOneIter(handle_, static_cast<int>(i), matrix_.handle()));
    }
  }
  nlohmann::json model() {
    bst_ulong size = 0;
    const char* bytes = nullptr;
    must(xgboost().XGBoosterSaveModelToBuffer(handle_, R"({"format": "json"})", &size, &bytes));
    return nlohmann::json::parse(bytes, bytes + size);
  }

 private:
  const Matrix& matrix_;
  BoosterHandle handle_ = nullptr;
};

void check(const BoostedOptions& o) {
  const auto need = [](bool fits, const char* what) {
    if (!fits) throw InputError("boosted trees: " + std::string(what));
  };
  need(o.rounds > 0, "need at least one round");
  need(o.depth > 0 && o.depth <= 15, "the depth must be 1 to 15");
  need(o.learning_rate > 0 && o.learning_rate <= 1, "the learning rate must be over 0 and at most 1");
  need(o.row_share > 0 && o.row_share <= 1, "the share of rows must be over 0 and at most 1");
  need(o.column_share > 0 && o.column_share <= 1, "the share of columns must be over 0 and at most 1");
  need(o.least_child_weight >= 0 && o.penalty >= 0, "a weight or penalty is negative");
  need(o.bins >= 2 && o.bins <= 65'536, "the number of bins must be 2 to 65536");
  need(o.huber_slope > 0, "the slope of the pseudo-Huber loss must be positive");
}

/// One tree of the library's JSON. Its nodes come in any order; ours have children side by side.
std::vector<TreeNode> take_over(const nlohmann::json& json, double scale, std::size_t inputs) {
  const auto left = json.at("left_children").get<std::vector<int64_t>>();
  const auto right = json.at("right_children").get<std::vector<int64_t>>();
  const auto feature = json.at("split_indices").get<std::vector<int64_t>>();
  const auto value = json.at("split_conditions").get<std::vector<double>>();  // of a leaf its value
  auto tree = make_leaf(0, inputs);
  std::vector<std::size_t> source = {0};  // node of ours -> node of the library's
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const std::size_t from = source[i];
    if (left.at(from) < 0) {
      tree[i].value = static_cast<float>(value.at(from) * scale);
      continue;
    }
    if (tree.size() > left.size()) throw FailedError("boosted trees: a tree of xgboost has a cycle");
    split_leaf(tree, i, static_cast<std::size_t>(feature.at(from)), static_cast<float>(value.at(from)),
               inputs);
    source.push_back(static_cast<std::size_t>(left.at(from)));
    source.push_back(static_cast<std::size_t>(right.at(from)));
  }
  return tree;
}

void set_options(Booster& booster, const BoostedOptions& o) {
  const bool squared = o.loss == BoostedLoss::squared;
  booster.set("verbosity", "0");
  booster.set("nthread", to_text(std::max(o.threads, std::size_t{1})));
  booster.set("seed", to_text(o.seed & 0x7fffffffU));
  booster.set("tree_method", "hist");
  booster.set("max_bin", to_text(o.bins));
  booster.set("base_score", "0");  // targets are centred
  booster.set("objective", squared ? "reg:squarederror" : "reg:pseudohubererror");
  if (!squared) booster.set("huber_slope", to_text(o.huber_slope));
  booster.set("learning_rate", to_text(o.learning_rate));
  booster.set("max_depth", to_text(o.depth));
  booster.set("min_child_weight", to_text(o.least_child_weight));
  booster.set("subsample", to_text(o.row_share));
  booster.set("colsample_bytree", to_text(o.column_share));
  booster.set("lambda", to_text(o.penalty));
}

}  // namespace

TreeEnsemble fit_boosted(const TrainTable& table, const BoostedOptions& options) {
  check(options);
  const TrainRows data = prepare_rows(table);
  const std::size_t inputs = table.inputs.size();
  TreeEnsemble ensemble;
  ensemble.inputs = table.inputs;
  ensemble.stand_in = table.stand_in;
  ensemble.impute = data.impute;
  ensemble.less_or_equal = false;
  ensemble.base = static_cast<float>(data.mean);
  const Matrix matrix(data, inputs);
  Booster booster(matrix);
  set_options(booster, options);
  booster.train(options.rounds);
  try {
    const auto model = booster.model();
    for (const auto& tree : model.at("learner").at("gradient_booster").at("model").at("trees"))
      append_tree(ensemble, take_over(tree, data.deviation, inputs));
  } catch (const std::exception& error) {
    throw FailedError("boosted trees: the model of xgboost cannot be read: " + std::string(error.what()));
  }
  ensemble.check();
  return ensemble;
}

}  // namespace drst
