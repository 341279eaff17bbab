/** @file What a run's teacher is once it can be asked. */

import type { TokenExample } from '../../dataset/examples';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import type { Teacher } from '../../distill/teacher/teacher';
import type { FrozenModel } from '../../model/parameters';
import type { TeacherSize } from './compare-models';
import type { EndpointTeacher } from './endpoint-teacher';

/** The teacher, ready to be asked, and what it is made of; one model unless it is an ensemble. */
export interface LoadedTeacher {
  frozen: Teacher;
  models: readonly (FrozenModel | OpaqueIdentity)[];
  /** Where it is an ONNX file, or behind a server. */
  opaque?: OpaqueParts;
}

/** What is to be known of a teacher of which nothing is seen but its answers. */
interface OpaqueParts {
  /** @param text on which it may be timed */
  size: (text: TokenExample) => Promise<TeacherSize>;
  endpoint?: EndpointTeacher;
  release: () => Promise<void>;
}
