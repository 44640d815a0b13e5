#include "learn/model.h"

#include "base/error.h"
#include "nn/network.h"
#include "nn/onnx.h"

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

 private:
  struct NetworkScratch final : Scratch {
    Workspace workspace;
  };
  Network network_;
  std::string family_;
};

}  // namespace

std::unique_ptr<const Model> make_model(Network network, std::string family) {
  return std::make_unique<const NetworkModel>(std::move(network), std::move(family));
}

std::unique_ptr<const Model> load_model(std::string_view onnx_bytes) {
  std::map<std::string, std::string> metadata;
  Network network = from_onnx(onnx_bytes, &metadata);
  std::string family = metadata["family"];
  if (family.empty()) family = network.layers.size() == 1 ? "ridge" : "mlp";
  return make_model(std::move(network), std::move(family));
}

}  // namespace drst
