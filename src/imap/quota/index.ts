export { quotaLine, quotaRootNames } from './lines.ts';
export { QUOTA_ROOTS, type QuotaRoot, quotaLimits, rootsOf, usage } from './roots.ts';
export { refuseBeyondPlan, withinPlan } from './within-plan.ts';
