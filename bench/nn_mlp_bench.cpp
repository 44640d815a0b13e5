// Forward pass and training step of the published network (10-64-32-1) beside the most this core can do: a
// loop of independent multiplications and additions in registers (fused ones are off in the whole project, so
// that results do not depend on the machine).
#include <cstdio>
#include <string>
#include <vector>

#include "base/random.h"
#include "flops.h"
#include "nn/kernels.h"
#include "nn/network.h"
#include "nn/train.h"

namespace {

using drst::Activation;

using drst::bench::best_seconds;
using drst::bench::keep;

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
  const double seconds = best_seconds(50,
                                      [&] {
                                        for (int i = 0; i < rounds; ++i) {
                                          drst::forward(net, raw, batch, out, workspace);
                                          keep(out.data());
                                        }
                                      }) /
                         rounds / static_cast<double>(batch);
  std::printf("forward 10-64-32-1 %-4s batch %3zu  %8.3f us a row   %5.1f %% of peak\n", name, batch,
              seconds * 1e6, 100 * 2 * drst::bench::products(net.layers) / seconds / peak);
}

void print_step(const char* name, const std::vector<std::size_t>& hidden, Activation activation,
                std::size_t batch, double peak) {
  drst::Random random(2);
  std::vector<float> x(batch * 10);
  std::vector<float> y(batch);
  for (float& v : x) v = static_cast<float>(random.normal());
  for (float& v : y) v = static_cast<float>(random.normal());
  const auto layers = drst::make_layers(10, hidden, 1);
  drst::Trainer trainer(layers, activation, {.batch = batch});
  const double seconds = best_seconds(50,
                                      [&] {
                                        for (int i = 0; i < 50; ++i) trainer.step({x, y, {}});
                                      }) /
                         50;
  const double bound = drst::bench::step_flops(layers, static_cast<double>(batch)) / peak;
  std::printf("step %-16s %-4s batch %3zu  %8.2f us          bound %6.2f us, %4.2f of it used well\n",
              ("10-" + std::to_string(hidden[0]) + "-" + std::to_string(hidden[1]) + "-1").c_str(), name,
              batch, seconds * 1e6, bound * 1e6, bound / seconds);
}

}  // namespace

int main() {
  const double peak = drst::bench::peak_flops();
  std::printf("kernels: %s; peak multiply and add of one core: %.1f GFlop/s\n",
              drst::nn::kernels().instructions, peak / 1e9);
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
