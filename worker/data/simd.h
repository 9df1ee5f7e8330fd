// One copy of a function for each instruction set, chosen when the program starts. A file that uses it is
// compiled without contracting a multiplication and an addition into one rounding, so that every copy, and so
// every host, computes the same bits.
#ifndef ECGTRAIN_WORKER_DATA_SIMD_H_
#define ECGTRAIN_WORKER_DATA_SIMD_H_

// The choice runs before the sanitizers do. cmake/Sanitizers.cmake gives _GLIBCXX_TSAN for
// __SANITIZE_THREAD__.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(_GLIBCXX_TSAN)
#define ECGTRAIN_DATA_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ECGTRAIN_DATA_SIMD
#endif

#endif  // ECGTRAIN_WORKER_DATA_SIMD_H_
