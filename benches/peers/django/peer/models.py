"""The console's tables that the page reads. The console's migrations make them."""

from django.db import models


class Organization(models.Model):
    id = models.TextField(primary_key=True)
    name = models.TextField()

    class Meta:
        managed = False
        db_table = "organizations"


class User(models.Model):
    id = models.TextField(primary_key=True)
    organization = models.ForeignKey(Organization, models.DO_NOTHING, null=True)
    email = models.TextField(unique=True)
    name = models.TextField()
    role = models.TextField()
    disabled_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "users"


class BillingGroup(models.Model):
    id = models.TextField(primary_key=True)
    organization = models.ForeignKey(Organization, models.DO_NOTHING)
    name = models.TextField()
    search_name = models.TextField()
    group_class = models.TextField(db_column="class")
    status = models.TextField()
    failure = models.TextField(null=True)
    needs_method = models.BooleanField()
    account_applied_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "billing_groups"


class GroupMember(models.Model):
    pk = models.CompositePrimaryKey("user_id", "group_id")
    user = models.ForeignKey(User, models.DO_NOTHING)
    group = models.ForeignKey(BillingGroup, models.DO_NOTHING, related_name="members")

    class Meta:
        managed = False
        db_table = "group_members"


class PaymentMethod(models.Model):
    group = models.OneToOneField(
        BillingGroup, models.DO_NOTHING, primary_key=True, related_name="payment_method"
    )
    card_issuer = models.TextField(null=True)
    card_owner = models.TextField(null=True)
    card_brand = models.TextField(null=True)
    card_last_four = models.TextField(null=True)
    card_expiry_year = models.IntegerField(null=True)
    card_expiry_month = models.IntegerField(null=True)
    account_bank = models.TextField(null=True)
    account_last_four = models.TextField(null=True)
    modified_at = models.DateTimeField()
    modified_by = models.TextField(null=True)

    class Meta:
        managed = False
        db_table = "payment_methods"
