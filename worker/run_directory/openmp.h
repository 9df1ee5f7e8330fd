// How the trainer's OpenMP threads wait for one another at the end of each parallel loop.
//
// LibTorch brings libgomp, whose threads spin for milliseconds before they sleep. Where another program has
// taken one of the cores they spin against it, loop after loop, and training falls to a hundredth of its
// speed. A short spin costs nothing on an idle machine and keeps most of the speed on a crowded one
// (docs/adr/0006).
//
// The runtime reads its environment when the program is loaded, before main: whoever starts the trainer sets
// it.
#ifndef ECGTRAIN_WORKER_RUN_DIRECTORY_OPENMP_H_
#define ECGTRAIN_WORKER_RUN_DIRECTORY_OPENMP_H_

namespace ecgtrain::openmp {

// A user's own setting of either one wins.
inline constexpr char kWaitPolicy[] = "OMP_WAIT_POLICY";
inline constexpr char kSpinCount[] = "GOMP_SPINCOUNT";

inline constexpr char kShortSpin[] = "1000";  // turns, some microseconds

}  // namespace ecgtrain::openmp

#endif  // ECGTRAIN_WORKER_RUN_DIRECTORY_OPENMP_H_
