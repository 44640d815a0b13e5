// How long a component waits for what others send: for the first record, and then between two of them.
//
// The two differ because silence does. A stream that has begun and falls silent has lost its producer; one
// that has not begun may be waiting for a person who types the other commands. One thread.
#pragma once

#include "base/time.h"

namespace drst {

class Patience {
 public:
  /// Seconds of `clock`, which must outlive this; 0: for ever. The first wait begins now.
  Patience(const Clock& clock, double first_s, double idle_s);

  void renew();                                        ///< something came
  [[nodiscard]] bool begun() const { return begun_; }  ///< something has come
  [[nodiscard]] bool over() const;                     ///< nothing has come for longer than is waited for
  [[nodiscard]] double limit_s() const { return begun_ ? idle_s_ : first_s_; }  ///< the one that counts now

 private:
  const Clock& clock_;
  double first_s_, idle_s_;
  Time since_;
  bool begun_ = false;
};

}  // namespace drst
