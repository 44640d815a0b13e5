// Models as the rest of the system sees them: raw counters in, prediction in the target's unit out. Start
// here for learning.
//
// `Model` is immutable and may be used from any thread, each with its own scratch. Families (mlp, ridge;
// trees and mixtures behind the same interface) are trained by learn/families.h and travel as ONNX only.
// Files: model (this), dataset (table -> matrix with lags, weights, blocks), split (leak-free blocks), select
// (feature choice), families (training), metrics (SPEC 6), offline (SPEC 6: the whole offline stage).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

struct Network;  // nn/network.h

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
};

/// Reads any family's ONNX bytes. ModelError (nn/onnx.h) if it cannot.
std::unique_ptr<const Model> load_model(std::string_view onnx_bytes);

/// A network as a model; InputError if it is not whole.
std::unique_ptr<const Model> make_model(Network network, std::string family);

}  // namespace drst
