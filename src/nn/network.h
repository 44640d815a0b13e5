// Small dense networks, whole: from raw counters to the target's unit. Start here for everything neural.
//
// A `Network` is plain data: NaN -> stand-in, else imputed constant -> logarithm where wanted -> standardise
// (-> clip to the range seen in training) -> dense layers with ReLU or GELU -> un-standardise (-> exp, for a
// target learned as its logarithm) (-> not below zero). Zero hidden layers is a linear model, which is how
// ridge is published. `forward` computes each row in the same order of operations whatever the batch (batch 1
// and 64 agree to the bit), without allocation. All arithmetic is float32 exactly as the ONNX graph says it
// (onnx.h), so any runtime agrees within 1e-5. A Network that nobody writes may be used from any number of
// threads, each with its own Workspace.
//
// Files: network (data, forward), train (Adam, losses, early stopping), onnx (bytes <-> Network, bounds on
// everything).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drst {

enum class Activation { relu, gelu };  ///< gelu: exact, x/2 (1 + erf(x/sqrt 2)), Hendrycks and Gimpel 2016
enum class Loss { smooth_l1, mse };    ///< smooth L1: Huber with delta 1 (Girshick 2015, "Fast R-CNN")

struct Dense {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<float> weights;  ///< inputs x outputs, row-major: weights[i * outputs + o]
  std::vector<float> bias;     ///< outputs
};

struct Network {
  std::vector<std::string> inputs;  ///< feature names, in the order of the raw input vector
  /// Per input: the input whose raw value is taken where this one is NaN (a lag's current sample; Gather in
  /// the graph, one step, not chained), -1: none; empty: none at all.
  std::vector<int32_t> stand_in;
  std::vector<float> impute;   ///< per input: taken where it is still NaN, in raw units
  std::vector<uint8_t> log1p;  ///< per input: 1: x -> ln((1 + max(x, 0)) * log_factor)
  /// Per input, positive; empty: all 1. With the factor e^-mean the logarithms lie around 0, where float32 is
  /// dense: ln(1e9) is known to 1e-6 only, and a counter that hardly moves is scaled by hundreds.
  std::vector<float> log_factor;
  std::vector<float> shift;  ///< per input, after the logarithm: (x - shift) * scale
  std::vector<float> scale;
  std::vector<float> low, high;  ///< per input, after scaling: x = min(max(x, low), high); both empty: no
                                 ///< clipping (Max, Min in the graph)
  std::vector<Dense> layers;     ///< the last has one output
  Activation activation = Activation::relu;
  float output_scale = 1;  ///< y = output_shift + output_scale * z
  float output_shift = 0;
  bool exponential = false;   ///< y = exp(output_shift + output_scale * z): the target was learned as ln(y)
                              ///< (Exp in the graph)
  bool non_negative = false;  ///< y = max(y, 0): rates and latencies are never negative

  /// Hidden layer widths, e.g. {64, 32}.
  [[nodiscard]] std::vector<std::size_t> hidden() const;
  /// Throws InputError if sizes do not fit together or a number is not finite.
  void check() const;
};

/// Scratch memory of one thread.
struct Workspace {
  std::vector<float> a, b;
};

/// raw: rows x inputs, row-major, NaN = missing. out: rows.
void forward(const Network& network, std::span<const float> raw, std::size_t rows, std::span<float> out,
             Workspace& workspace);

/// The same from standardised inputs, as transform_inputs makes them for this network or any of the same
/// transform: several networks over the same rows need that done once. Same bits as `forward`.
void forward_standardised(const Network& network, std::span<const float> standardised, std::size_t rows,
                          std::span<float> out, Workspace& workspace);
[[nodiscard]] bool same_transform(const Network& a, const Network& b);

/// The standardised inputs alone (stand-in, impute, log1p, shift, scale, clip): what training works on. rows
/// x inputs.
void transform_inputs(const Network& network, std::span<const float> raw, std::size_t rows,
                      std::span<float> out);
/// The same without allocation after warm-up.
void transform_inputs(const Network& network, std::span<const float> raw, std::size_t rows,
                      std::span<float> out, Workspace& workspace);

/// Fresh layers, weights and bias U(-1/sqrt(in), 1/sqrt(in)), as PyTorch's Linear starts.
std::vector<Dense> make_layers(std::size_t inputs, const std::vector<std::size_t>& hidden, uint64_t seed);

}  // namespace drst
