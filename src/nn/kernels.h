// The loops that take the time of forward and training, for internal use of this room.
//
// One source (kernels_impl.h) is compiled for the instructions at hand; a packaged build (DRST_MULTIVERSION)
// compiles it for x86-64-v2, AVX2 and AVX-512 and chooses at run time by one table of function pointers (no
// ifuncs: sanitizers and early constructors do not bear them). Every version gives the same bits: each output
// element is one chain of multiply, then add, over the inputs in order, never fused, and the vector lanes lie
// across outputs; the one dot product (layers with a single output) sums eight fixed partial sums. Hence a
// row's result depends neither on the batch around it nor on the machine. Matrices are row-major; `ld` is the
// distance between rows. Functions read and write only inside the sizes given and need no alignment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drst::nn {

/// A stored as a[m * row + k * step]: (ld, 1) is a matrix, (1, ld) its transpose.
struct Strided {
  const float* data;
  std::size_t row;
  std::size_t step;
};

struct InputTransform {
  const float* impute;
  const uint8_t* log1p;
  const float* log_factor;  ///< null: 1
  const float* shift;
  const float* scale;
  const float* low;  ///< null: no clipping
  const float* high;
  std::size_t inputs;
};

struct AdamStep {
  float beta1, beta2, epsilon, weight_decay;
  float step_size;          ///< learning rate / (1 - beta1^t)
  float inverse_root_bias;  ///< 1 / sqrt(1 - beta2^t)
};

struct Kernels {
  const char* instructions;
  /// c[m][n] = bias[n] + sum over k of a(m, k) b[k][n]; bias may be null: 0.
  void (*gemm)(Strided a, const float* b, std::size_t ldb, const float* bias, float* c, std::size_t ldc,
               std::size_t rows, std::size_t inner, std::size_t columns);
  /// out[m] = bias + sum over k of x[m][k] w[k].
  void (*dot)(const float* x, std::size_t ldx, const float* w, float bias, float* out, std::size_t rows,
              std::size_t inner);
  /// The standardised inputs of Network, rows x inputs.
  void (*transform)(const InputTransform& transform, const float* raw, std::size_t rows, float* out);
  void (*relu)(float* x, std::size_t n);
  void (*gelu)(float* x, std::size_t n);
  /// x becomes gelu(x), slope its derivative there.
  void (*gelu_slope)(float* x, float* slope, std::size_t n);
  /// d *= slope.
  void (*multiply)(float* d, const float* slope, std::size_t n);
  /// d = 0 where the activation a is 0.
  void (*relu_mask)(float* d, const float* a, std::size_t n);
  void (*adam)(const AdamStep& step, float* parameters, const float* gradients, float* first, float* second,
               std::size_t n);
  /// out[columns][rows] = in[rows][columns].
  void (*transpose)(const float* in, std::size_t ldi, float* out, std::size_t ldo, std::size_t rows,
                    std::size_t columns);
  /// Element-wise functions, shown for tests.
  void (*exp)(float* x, std::size_t n);
  void (*log)(float* x, std::size_t n);
  void (*erf)(float* x, std::size_t n);
};

/// Every version in this build that this processor runs, best first: a test runs them all.
std::span<const Kernels* const> supported_kernels();
/// The best of them.
const Kernels& kernels();

}  // namespace drst::nn
