// Forward pass and training step of the published network (10-64-32-1) beside the most this core can do: a loop of independent
// multiplications and additions in registers (fused ones are off in the whole project, so that results do not depend on the machine).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "base/random.h"
#include "nn/kernels.h"
#include "nn/network.h"
#include "nn/train.h"

namespace {

using drst::Activation;

/// Best of many runs of `body`, in seconds: other work on the machine only ever adds.
template <class Body>
double best_seconds(int repetitions, const Body& body) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

void keep(const void* p) { __asm__ volatile("" : : "g"(p) : "memory"); }

/// Peak multiplications and additions a second of one core.
double peak_flops() {
  typedef float V __attribute__((vector_size(32)));  // NOLINT(modernize-use-using)
  V sum[8] = {};
  V factor = {1, 1, 1, 1, 1, 1, 1, 1};
  __asm__ volatile("" : "+x"(factor));
  constexpr int kRounds = 20'000;
  const double seconds = best_seconds(50, [&] {
    V s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3], s4 = sum[4], s5 = sum[5], s6 = sum[6], s7 = sum[7];
    V x = factor;
    for (int i = 0; i < kRounds; ++i) {
      __asm__ volatile("" : "+x"(x));
      s0 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s1 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s2 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s3 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s4 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s5 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s6 += x * factor;
      __asm__ volatile("" : "+x"(x));
      s7 += x * factor;
    }
    sum[0] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
  });
  keep(sum);
  return kRounds * 8 * 8 * 2 / seconds;
}

double products(const std::vector<drst::Dense>& layers) {
  double sum = 0;
  for (const auto& layer : layers) sum += static_cast<double>(layer.inputs * layer.outputs);
  return sum;
}

/// Forward, both gradients (none for the raw inputs), Adam at ten operations a parameter.
double step_flops(const std::vector<drst::Dense>& layers, double rows) {
  const double inner = products(layers) - static_cast<double>(layers[0].weights.size());
  return rows * 2 * (2 * products(layers) + inner) + 10 * products(layers);
}

drst::Network network(const std::vector<std::size_t>& hidden, Activation activation) {
  drst::Network n;
  for (int i = 0; i < 10; ++i) n.inputs.push_back("counter" + std::to_string(i));
  n.impute.assign(10, 0);
  n.log1p.assign(10, 1);
  n.shift.assign(10, 10);
  n.scale.assign(10, 0.5F);
  n.layers = drst::make_layers(10, hidden, 1);
  n.activation = activation;
  return n;
}

void print_forward(const char* name, Activation activation, std::size_t batch, double peak) {
  const auto net = network({64, 32}, activation);
  drst::Random random(1);
  std::vector<float> raw(batch * 10);
  for (float& v : raw) v = static_cast<float>(random.uniform(0, 1e9));
  std::vector<float> out(batch);
  drst::Workspace workspace;
  const int rounds = 20'000 / static_cast<int>(batch);
  const double seconds = best_seconds(50, [&] {
    for (int i = 0; i < rounds; ++i) {
      drst::forward(net, raw, batch, out, workspace);
      keep(out.data());
    }
  }) / rounds / static_cast<double>(batch);
  std::printf("forward 10-64-32-1 %-4s batch %3zu  %8.3f us a row   %5.1f %% of peak\n", name, batch, seconds * 1e6,
              100 * 2 * products(net.layers) / seconds / peak);
}

void print_step(const char* name, const std::vector<std::size_t>& hidden, Activation activation, std::size_t batch, double peak) {
  drst::Random random(2);
  std::vector<float> x(batch * 10);
  std::vector<float> y(batch);
  for (float& v : x) v = static_cast<float>(random.normal());
  for (float& v : y) v = static_cast<float>(random.normal());
  const auto layers = drst::make_layers(10, hidden, 1);
  drst::Trainer trainer(layers, activation, {.batch = batch});
  const double seconds = best_seconds(50, [&] {
    for (int i = 0; i < 50; ++i) trainer.step({x, y, {}});
  }) / 50;
  const double bound = step_flops(layers, static_cast<double>(batch)) / peak;
  std::printf("step %-16s %-4s batch %3zu  %8.2f us          bound %6.2f us, %4.2f of it used well\n",
              ("10-" + std::to_string(hidden[0]) + "-" + std::to_string(hidden[1]) + "-1").c_str(), name, batch, seconds * 1e6, bound * 1e6,
              bound / seconds);
}

}  // namespace

int main() {
  const double peak = peak_flops();
  std::printf("kernels: %s; peak multiply and add of one core: %.1f GFlop/s\n", drst::nn::kernels().instructions, peak / 1e9);
  for (const std::size_t batch : {1U, 64U}) {
    print_forward("relu", Activation::relu, batch, peak);
    print_forward("gelu", Activation::gelu, batch, peak);
  }
  for (const std::size_t batch : {16U, 32U}) {
    print_step("relu", {64, 32}, Activation::relu, batch, peak);
    print_step("gelu", {64, 32}, Activation::gelu, batch, peak);
    print_step("relu", {192, 96}, Activation::relu, batch, peak);
    print_step("gelu", {192, 96}, Activation::gelu, batch, peak);
  }
}
