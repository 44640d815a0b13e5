// Models as the rest of the system sees them: raw counters in, prediction in the target's unit out. Start
// here for learning.
//
// `Model` is immutable and may be used from any thread, each with its own scratch. Families are trained by
// learn/families.h and travel as ONNX only. A mixture is a weighted mean of other models, of their logarithms
// where predictions are positive. Files: model (this), model_metadata (what its file says beside the graph),
// mixture_onnx (a mixture's file), dataset (table -> matrix with lags, weights, blocks), split (leak-free
// blocks), select (feature choice), families (training; fit_mlp, fit_ridge, fit_trees: one each), metrics
// (SPEC 6), offline (SPEC 6: the whole offline stage).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "learn/model_limits.h"

namespace drst {

class Model;

struct MixtureMember {
  std::shared_ptr<const Model> model;
  float weight = 1;
};

class Model {
 public:
  /// Scratch memory of one thread; opaque, reusable.
  struct Scratch {
    virtual ~Scratch() = default;
  };
  virtual ~Model() = default;
  [[nodiscard]] virtual const std::vector<std::string>& inputs()
      const = 0;  ///< feature names, "<column>@-1" among them
  [[nodiscard]] virtual std::string_view family() const = 0;
  [[nodiscard]] virtual std::unique_ptr<Scratch> make_scratch() const = 0;
  /// raw: rows x inputs, row-major, NaN = missing; out: rows. Bit-equal whatever the batch. No allocation
  /// after warm-up.
  virtual void predict(std::span<const float> raw, std::size_t rows, std::span<float> out,
                       Scratch& scratch) const = 0;
  [[nodiscard]] virtual std::string to_onnx(const std::map<std::string, std::string>& metadata) const = 0;

  // What it is made of, for whoever trains on.
  [[nodiscard]] virtual const Network* network() const { return nullptr; }             ///< null: it is none
  [[nodiscard]] virtual const TreeEnsemble* trees() const { return nullptr; }          ///< null: it has none
  [[nodiscard]] virtual std::span<const MixtureMember> members() const { return {}; }  ///< empty: no mixture
  /// How much each input had to do with the target in training, mean 1; empty: not known. Travels as the
  /// metadata "relevance".
  [[nodiscard]] std::span<const float> relevance() const { return relevance_; }
  /// A network of which only the inputs' transform counts, for whoever measures distances between rows: that
  /// of its first network, or, of trees, which need none, one fitted beside them that travels as the metadata
  /// "scaling" (and is there only where the target is a logarithm). Null: not known.
  [[nodiscard]] const Network* scaling() const;

 private:
  friend std::unique_ptr<const Model> load_model(std::string_view onnx_bytes, const ModelLimits& limits);
  std::vector<float> relevance_;
  std::shared_ptr<const Network> scaling_;  // of trees
};

/// Reads any family's ONNX bytes. ModelError (nn/onnx.h) if it cannot.
std::unique_ptr<const Model> load_model(std::string_view onnx_bytes, const ModelLimits& limits = {});

/// A network as a model; InputError if it is not whole.
std::unique_ptr<Model> make_model(Network network, std::string family);

std::unique_ptr<Model> make_model(TreeEnsemble ensemble, std::string family);

/// The weighted mean of the members' predictions; `geometric`: exp of the weighted mean of ln(max(p, 1e-30)).
/// Weights are normalised. InputError: no members, a weight that is not positive, members with other inputs
/// than the first or that are mixtures themselves.
std::unique_ptr<Model> make_mixture(std::vector<MixtureMember> members, bool geometric, std::string family);

/// The metadata "relevance" of to_onnx; empty for none.
std::string relevance_text(std::span<const float> relevance);
/// The metadata "scaling" of to_onnx for trees.
std::string scaling_text(const Network& scaling);

/// All networks of a model: itself, or members of a mixture, in order.
std::vector<Network> networks_of(const Model& model);

}  // namespace drst
