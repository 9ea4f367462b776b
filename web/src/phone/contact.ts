export const CONTACT_ON_N = 5;
const CONTACT_OFF_N = 3;

/** Tells once when the force on the robot rises above the threshold, and again only after it has fallen. */
export class ContactEdge {
  private isInContact = false;

  rises(force: number): boolean {
    if (this.isInContact) {
      this.isInContact = force > CONTACT_OFF_N;
      return false;
    }
    this.isInContact = force > CONTACT_ON_N;
    return this.isInContact;
  }
}
