// How long a component waits for what others send: for the first record, and then between two of them.
//
// The two differ because silence does. A stream that has begun and falls silent has lost its producer; one
// that has not begun may be waiting for a person who types the other commands. What a step of the component
// takes is no silence, either: the log may have been away, and what was sent meanwhile comes after. Neither
// is a step of the wall clock: where that is the clock, the monotonic one measures. One thread.
#pragma once

#include <optional>

#include "base/time.h"

namespace drst {

class Patience {
 public:
  /// Seconds of `clock`, which must outlive this; 0: for ever. The first wait begins now.
  Patience(const Clock& clock, double first_s, double idle_s);

  /// As long as it lives nobody can hear anything: a step of the component. That time does not count.
  class Busy {
   public:
    explicit Busy(Patience& patience) : patience_(patience) { patience_.step_ = patience_.now(); }
    ~Busy() {
      patience_.forgive_step();
      patience_.step_.reset();
    }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    Patience& patience_;
  };
  void renew();                                        ///< something came
  [[nodiscard]] bool begun() const { return begun_; }  ///< something has come
  [[nodiscard]] bool over();                           ///< nothing has come for longer than is waited for
  [[nodiscard]] double limit_s() const { return begun_ ? idle_s_ : first_s_; }  ///< the one that counts now

 private:
  void forgive_step();
  [[nodiscard]] Time now() const;

  const Clock& clock_;
  const bool wall_;
  double first_s_, idle_s_;
  Time since_;
  std::optional<Time> step_;
  bool begun_ = false;
};

}  // namespace drst
