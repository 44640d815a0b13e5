#include "learn/model.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "learn/mixture.h"
#include "learn/model_metadata.h"
#include "nn/kernels.h"
#include "nn/network.h"
#include "nn/onnx.h"
#include "trees/ensemble.h"
#include "trees/onnx.h"

namespace drst {
namespace {

class NetworkModel final : public Model {
 public:
  NetworkModel(Network network, std::string family)
      : network_(std::move(network)), family_(std::move(family)) {
    network_.check();
  }

  [[nodiscard]] const std::vector<std::string>& inputs() const override { return network_.inputs; }
  [[nodiscard]] std::string_view family() const override { return family_; }
  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<NetworkScratch>();
  }

  void predict(std::span<const float> raw, std::size_t rows, std::span<float> out,
               Scratch& scratch) const override {
    forward(network_, raw, rows, out, static_cast<NetworkScratch&>(scratch).workspace);
  }
  [[nodiscard]] std::string to_onnx(const std::map<std::string, std::string>& metadata) const override {
    auto all = metadata;
    all["family"] = family_;
    return drst::to_onnx(network_, all);
  }
  [[nodiscard]] const Network* network() const override { return &network_; }

 private:
  struct NetworkScratch final : Scratch {
    Workspace workspace;
  };
  Network network_;
  std::string family_;
};

class TreesModel final : public Model {
 public:
  TreesModel(TreeEnsemble ensemble, std::string family)
      : ensemble_(std::move(ensemble)), family_(std::move(family)) {
    ensemble_.check();
  }
  [[nodiscard]] const std::vector<std::string>& inputs() const override { return ensemble_.inputs; }
  [[nodiscard]] std::string_view family() const override { return family_; }
  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override {
    return std::make_unique<OwnScratch>();
  }
  void predict(std::span<const float> raw, std::size_t rows, std::span<float> out,
               Scratch& scratch) const override {
    drst::predict(ensemble_, raw, rows, out, static_cast<OwnScratch&>(scratch).trees);
  }
  [[nodiscard]] std::string to_onnx(const std::map<std::string, std::string>& metadata) const override {
    auto all = metadata;
    all["family"] = family_;
    return drst::to_onnx(ensemble_, all);
  }
  [[nodiscard]] const TreeEnsemble* trees() const override { return &ensemble_; }

 private:
  struct OwnScratch final : Scratch {
    TreeScratch trees;
  };
  TreeEnsemble ensemble_;
  std::string family_;
};

class MixtureModel final : public Model {
 public:
  MixtureModel(std::vector<MixtureMember> members, bool geometric, std::string family)
      : members_(std::move(members)), geometric_(geometric), family_(std::move(family)) {
    for (const auto& member : members_) {
      const Network* network = member.model->network();
      if (network != nullptr && first_network_ == nullptr) first_network_ = network;
      alike_.push_back(network != nullptr && same_transform(*network, *first_network_));
    }
  }

  [[nodiscard]] const std::vector<std::string>& inputs() const override {
    return members_.front().model->inputs();
  }
  [[nodiscard]] std::string_view family() const override { return family_; }
  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override {
    auto scratch = std::make_unique<MixtureScratch>();
    for (const auto& member : members_) scratch->members.push_back(member.model->make_scratch());
    return scratch;
  }

  void predict(std::span<const float> raw, std::size_t rows, std::span<float> out,
               Scratch& scratch) const override {
    const std::size_t width = inputs().size();
    for (std::size_t first = 0; first < rows; first += chunk) {
      const std::size_t count = std::min(chunk, rows - first);
      predict_some(raw.subspan(first * width, count * width), out.subspan(first, count),
                   static_cast<MixtureScratch&>(scratch));
    }
  }
  [[nodiscard]] std::string to_onnx(const std::map<std::string, std::string>& metadata) const override {
    auto all = metadata;
    all["family"] = family_;
    return learn::mixture_to_onnx(members_, geometric_, std::move(all));
  }
  [[nodiscard]] std::span<const MixtureMember> members() const override { return members_; }

 private:
  static constexpr std::size_t chunk = 64;  // rows whose standardised inputs are held at once

  struct MixtureScratch final : Scratch {
    std::vector<std::unique_ptr<Scratch>> members;
    std::vector<float> predictions;
    std::vector<float> standardised;
    Workspace workspace;  // of the networks that are alike
  };

  void predict_some(std::span<const float> raw, std::span<float> out, MixtureScratch& own) const {
    const std::size_t rows = out.size();
    if (own.predictions.size() < rows) own.predictions.resize(rows);
    const auto predictions = std::span(own.predictions).first(rows);
    if (first_network_ != nullptr) {
      if (own.standardised.size() < raw.size()) own.standardised.resize(raw.size());
      transform_inputs(*first_network_, raw, rows, std::span(own.standardised).first(raw.size()),
                       own.workspace);
    }
    for (std::size_t k = 0; k < members_.size(); ++k) {
      if (alike_[k]) {
        forward_standardised(*members_[k].model->network(), std::span(own.standardised).first(raw.size()),
                             rows, predictions, own.workspace);
      } else {
        members_[k].model->predict(raw, rows, predictions, *own.members[k]);
      }
      if (geometric_) {
        for (float& p : predictions) p = std::max(p, learn::least_prediction);
        nn::kernels().log(predictions.data(), rows);
      }
      const float weight = members_[k].weight;
      for (std::size_t r = 0; r < rows; ++r)
        out[r] = k == 0 ? predictions[r] * weight : out[r] + predictions[r] * weight;
    }
    if (geometric_) nn::kernels().exp(out.data(), rows);
  }

  std::vector<MixtureMember> members_;
  // Networks of the same transform as the first, as all are that were trained together: standardised once.
  const Network* first_network_ = nullptr;
  std::vector<bool> alike_;
  bool geometric_;
  std::string family_;
};

}  // namespace

std::unique_ptr<Model> make_model(Network network, std::string family) {
  return std::make_unique<NetworkModel>(std::move(network), std::move(family));
}

std::unique_ptr<Model> make_model(TreeEnsemble ensemble, std::string family) {
  return std::make_unique<TreesModel>(std::move(ensemble), std::move(family));
}

std::unique_ptr<Model> make_mixture(std::vector<MixtureMember> members, bool geometric, std::string family) {
  if (members.empty() || members.size() > learn::most_members)
    throw InputError("a mixture of " + to_text(members.size()) + " members; it needs 1 to " +
                     to_text(learn::most_members));
  double sum = 0;
  for (const auto& member : members) {
    if (!(member.weight > 0) || !std::isfinite(member.weight))
      throw InputError("a mixture's member has the weight " + to_text(static_cast<double>(member.weight)));
    if (!member.model->members().empty()) throw InputError("a mixture's member is a mixture itself");
    if (member.model->inputs() != members.front().model->inputs())
      throw InputError("the members of a mixture have different inputs");
    sum += static_cast<double>(member.weight);
  }
  // Weights that are normal already stay as they are, to the bit: what was read back predicts the same.
  if (std::abs(sum - 1) > 1e-6)
    for (auto& member : members) member.weight = static_cast<float>(static_cast<double>(member.weight) / sum);
  return std::make_unique<MixtureModel>(std::move(members), geometric, std::move(family));
}

std::vector<Network> networks_of(const Model& model) {
  std::vector<Network> networks;
  if (model.network() != nullptr) networks.push_back(*model.network());
  for (const auto& member : model.members())
    if (member.model->network() != nullptr) networks.push_back(*member.model->network());
  return networks;
}

namespace {

std::unique_ptr<Model> load_any(std::string_view onnx_bytes, const ModelLimits& limits,
                                std::map<std::string, std::string>& metadata) {
  if (learn::holds_mixture(onnx_bytes)) return learn::mixture_from_onnx(onnx_bytes, limits, metadata);
  if (holds_trees(onnx_bytes)) {
    TreeEnsemble ensemble = trees_from_onnx(onnx_bytes, &metadata, limits.trees);
    return make_model(std::move(ensemble), metadata["family"].empty() ? "extra_trees" : metadata["family"]);
  }
  Network network = from_onnx(onnx_bytes, &metadata, limits.network);
  std::string family = metadata["family"];
  if (family.empty()) family = network.layers.size() == 1 ? "ridge" : "mlp";
  return make_model(std::move(network), std::move(family));
}

}  // namespace

std::unique_ptr<const Model> load_model(std::string_view onnx_bytes, const ModelLimits& limits) {
  std::map<std::string, std::string> metadata;
  auto model = load_any(onnx_bytes, limits, metadata);
  model->relevance_ = learn::parse_relevance(metadata["relevance"], model->inputs().size());
  if (model->trees() != nullptr) model->scaling_ = learn::parse_scaling(metadata["scaling"], *model->trees());
  return model;
}

const Network* Model::scaling() const {
  if (network() != nullptr) return network();
  for (const auto& member : members())
    if (member.model->network() != nullptr) return member.model->network();
  return scaling_.get();
}

}  // namespace drst
