#include "nn/network.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "nn/kernels.h"

namespace drst {

namespace {

constexpr std::size_t kChunk =
    64;  // rows whose activations are held at once: a few hundred rows' worth would leave the cache

void require(bool fits, const std::string& what) {
  if (!fits) throw InputError("network: " + what);
}

/// Out of line: building the message must not cost the calls that go well.
[[noreturn]] void wrong_sizes(const char* what, std::size_t rows, std::size_t in, std::size_t out) {
  throw InputError("network: " + std::string(what) + " of " + to_text(rows) + " rows got " + to_text(in) +
                   " numbers and room for " + to_text(out));
}

template <class Values>
bool all_finite(const Values& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

std::size_t widest_layer(const Network& network) {
  std::size_t width = network.inputs.size();
  for (const auto& layer : network.layers) width = std::max(width, layer.outputs);
  return width;
}

void grow(std::vector<float>& buffer, std::size_t size) {
  if (buffer.size() < size) buffer.resize(size);
}

/// Raw values with NaN replaced by the stand-in's raw value, where there is one.
void stand_in(const Network& network, const float* raw, std::size_t rows, float* out) {
  const std::size_t inputs = network.inputs.size();
  for (std::size_t r = 0; r < rows; ++r, raw += inputs, out += inputs) {
    for (std::size_t i = 0; i < inputs; ++i) {
      const int32_t other = network.stand_in[i];
      out[i] = std::isnan(raw[i]) && other >= 0 ? raw[other] : raw[i];
    }
  }
}

/// The standardised inputs; `scratch` holds as many numbers as `raw`.
void standardise(const Network& n, const float* raw, std::size_t rows, float* out, float* scratch) {
  if (!n.stand_in.empty()) {
    stand_in(n, raw, rows, scratch);
    raw = scratch;
  }
  const bool clipped = !n.low.empty();
  const nn::InputTransform transform{n.impute.data(),
                                     n.log1p.data(),
                                     n.log_factor.empty() ? nullptr : n.log_factor.data(),
                                     n.shift.data(),
                                     n.scale.data(),
                                     clipped ? n.low.data() : nullptr,
                                     clipped ? n.high.data() : nullptr,
                                     n.inputs.size()};
  nn::kernels().transform(transform, raw, rows, out);
}

/// Standardised outputs -> the target's unit, in place.
void restore_unit(const Network& network, float* z, std::size_t rows) {
  for (std::size_t r = 0; r < rows; ++r) z[r] = network.output_shift + network.output_scale * z[r];
  if (network.exponential) nn::kernels().exp(z, rows);
  if (network.non_negative) nn::kernels().relu(z, rows);
}

/// Standardised inputs `x`, which may lie in workspace.a -> standardised outputs in `out`.
void run_layers(const Network& network, const float* x, std::size_t rows, float* out, Workspace& workspace) {
  const auto& k = nn::kernels();
  for (const auto& layer : network.layers) {
    const bool last = &layer == &network.layers.back();
    float* to = last ? out : workspace.b.data();
    if (layer.outputs == 1) {
      k.dot(x, layer.inputs, layer.weights.data(), layer.bias[0], to, rows, layer.inputs);
    } else {
      k.gemm({x, layer.inputs, 1}, layer.weights.data(), layer.outputs, layer.bias.data(), to, layer.outputs,
             rows, layer.inputs, layer.outputs);
    }
    if (last) return;
    (network.activation == Activation::relu ? k.relu : k.gelu)(to, rows * layer.outputs);
    std::swap(workspace.a, workspace.b);
    x = workspace.a.data();
  }
}

void make_room(const Network& network, std::span<const float> in, std::size_t rows, std::span<float> out,
               Workspace& workspace) {
  if (in.size() != rows * network.inputs.size() || out.size() != rows)
    wrong_sizes("forward", rows, in.size(), out.size());
  const std::size_t room = widest_layer(network) * std::min(rows, kChunk);
  grow(workspace.a, room);
  grow(workspace.b, room);
}

}  // namespace

std::vector<std::size_t> Network::hidden() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) widths.push_back(layers[i].outputs);
  return widths;
}

void Network::check() const {
  const std::size_t n = inputs.size();
  require(n > 0, "has no inputs");
  require(impute.size() == n && log1p.size() == n && shift.size() == n && scale.size() == n,
          "impute, log1p, shift and scale must have one value for each of the " + to_text(n) + " inputs");
  require(stand_in.empty() || stand_in.size() == n, "stand_in must be empty or have one value an input");
  for (const int32_t other : stand_in)
    require(other >= -1 && other < static_cast<int64_t>(n), "a stand-in is no input");
  require(log_factor.empty() || log_factor.size() == n,
          "log_factor must be empty or have one value an input");
  for (const float factor : log_factor)
    require(std::isnormal(factor) && factor > 0, "a factor under a logarithm is not a positive number");
  require((low.empty() || low.size() == n) && low.size() == high.size(),
          "low and high must be empty or have one value an input");
  for (std::size_t i = 0; i < low.size(); ++i)
    require(low[i] <= high[i] && std::isfinite(low[i]) && std::isfinite(high[i]),
            "the bounds of input " + to_text(i) + " are not a range");
  require(!layers.empty(), "has no layers");
  std::size_t width = n;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& layer = layers[i];
    const std::string where = "layer " + to_text(i);
    require(layer.inputs == width,
            where + " takes " + to_text(layer.inputs) + " inputs, but gets " + to_text(width));
    require(layer.outputs > 0, where + " has no outputs");
    require(layer.weights.size() / layer.outputs == layer.inputs &&
                layer.weights.size() % layer.outputs == 0 && layer.bias.size() == layer.outputs,
            where + " has " + to_text(layer.weights.size()) + " weights and " + to_text(layer.bias.size()) +
                " biases for " + to_text(layer.inputs) + " x " + to_text(layer.outputs));
    require(all_finite(layer.weights) && all_finite(layer.bias), where + " has a weight that is not finite");
    width = layer.outputs;
  }
  require(width == 1, "the last layer must have one output, not " + to_text(width));
  require(all_finite(impute) && all_finite(shift) && all_finite(scale),
          "a number of the input transform is not finite");
  require(std::isfinite(output_scale) && std::isfinite(output_shift),
          "a number of the output transform is not finite");
}

void forward(const Network& network, std::span<const float> raw, std::size_t rows, std::span<float> out,
             Workspace& workspace) {
  const std::size_t inputs = network.inputs.size();
  make_room(network, raw, rows, out, workspace);
  for (std::size_t first = 0; first < rows; first += kChunk) {
    const std::size_t count = std::min(kChunk, rows - first);
    float* result = out.data() + first;
    standardise(network, raw.data() + first * inputs, count, workspace.a.data(), workspace.b.data());
    run_layers(network, workspace.a.data(), count, result, workspace);
    restore_unit(network, result, count);
  }
}

void forward_standardised(const Network& network, std::span<const float> standardised, std::size_t rows,
                          std::span<float> out, Workspace& workspace) {
  const std::size_t inputs = network.inputs.size();
  make_room(network, standardised, rows, out, workspace);
  for (std::size_t first = 0; first < rows; first += kChunk) {
    const std::size_t count = std::min(kChunk, rows - first);
    float* result = out.data() + first;
    run_layers(network, standardised.data() + first * inputs, count, result, workspace);
    restore_unit(network, result, count);
  }
}

bool same_transform(const Network& a, const Network& b) {
  const auto parts = [](const Network& n) {
    return std::tie(n.inputs, n.stand_in, n.impute, n.log1p, n.log_factor, n.shift, n.scale, n.low, n.high);
  };
  return parts(a) == parts(b);
}

void transform_inputs(const Network& network, std::span<const float> raw, std::size_t rows,
                      std::span<float> out) {
  Workspace workspace;
  transform_inputs(network, raw, rows, out, workspace);
}

void transform_inputs(const Network& network, std::span<const float> raw, std::size_t rows,
                      std::span<float> out, Workspace& workspace) {
  if (raw.size() != rows * network.inputs.size() || out.size() != raw.size())
    wrong_sizes("transform", rows, raw.size(), out.size());
  if (!network.stand_in.empty()) grow(workspace.b, raw.size());
  standardise(network, raw.data(), rows, out.data(), workspace.b.data());
}

std::vector<Dense> make_layers(std::size_t inputs, const std::vector<std::size_t>& hidden, uint64_t seed) {
  Random random(seed);
  std::vector<Dense> layers;
  std::size_t width = inputs;
  for (std::size_t i = 0; i <= hidden.size(); ++i) {
    Dense layer;
    layer.inputs = width;
    layer.outputs = i < hidden.size() ? hidden[i] : 1;
    require(layer.inputs > 0 && layer.outputs > 0, "a layer of no units");
    layer.weights.resize(layer.inputs * layer.outputs);
    layer.bias.resize(layer.outputs);
    const double bound = 1 / std::sqrt(static_cast<double>(layer.inputs));
    for (float& w : layer.weights) w = static_cast<float>(random.uniform(-bound, bound));
    for (float& b : layer.bias) b = static_cast<float>(random.uniform(-bound, bound));
    width = layer.outputs;
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace drst
